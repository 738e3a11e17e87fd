"""Settings: each is checked, each fault names its variable, and no message quotes a secret."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.settings import DatabaseSettings, Environment, SecretFile, SettingError

SECRET: Final = "correct-horse-battery-staple-2026"
OLD: Final = "incorrect-horse-battery-staple-25"


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


def environment(**values: str) -> Environment:
    return Environment(values)


def fault_of(read: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(SettingError) as caught:
        read(*args, **kwargs)
    return str(caught.value)


def test_text_is_taken_without_the_white_space_around_it() -> None:
    assert environment(MRU_NAME=" movies ").text("MRU_NAME") == "movies"


@pytest.mark.parametrize("values", [{}, {"MRU_NAME": ""}, {"MRU_NAME": " \n"}])
def test_an_empty_value_counts_as_not_set(values: dict[str, str]) -> None:
    assert fault_of(Environment(values).text, "MRU_NAME") == "MRU_NAME is not set."
    assert Environment(values).text("MRU_NAME", "default") == "default"
    assert Environment(values).optional("MRU_NAME") is None


def test_optional_text_is_taken_where_it_is_set() -> None:
    assert environment(MRU_NAME="movies").optional("MRU_NAME") == "movies"


@pytest.mark.parametrize(("value", "number"), [("", 5), ("1", 1), ("10", 10), (" 7 ", 7)])
def test_a_whole_number_within_bounds_is_taken(value: str, number: int) -> None:
    read = environment(MRU_COUNT=value).integer("MRU_COUNT", 5, minimum=1, maximum=10)
    assert read == number


@pytest.mark.parametrize("value", ["ten", "1.5", "1e3", "0x5", "1 2"])
def test_what_is_no_whole_number_is_named(value: str) -> None:
    fault = fault_of(environment(MRU_COUNT=value).integer, "MRU_COUNT", 5, minimum=1, maximum=10)
    assert fault == f"MRU_COUNT must be a whole number, not {value!r}."


@pytest.mark.parametrize("value", ["0", "11", "-5"])
def test_a_number_out_of_bounds_is_named_with_its_bounds(value: str) -> None:
    fault = fault_of(environment(MRU_COUNT=value).integer, "MRU_COUNT", 5, minimum=1, maximum=10)
    assert fault == f"MRU_COUNT must be between 1 and 10, not {value}."


@pytest.mark.parametrize("value", ["1", "true", "True", "YES", "on"])
def test_what_means_true_is_true(value: str) -> None:
    assert environment(MRU_FLAG=value).boolean("MRU_FLAG", default=False) is True


@pytest.mark.parametrize("value", ["0", "false", "False", "NO", "off"])
def test_what_means_false_is_false(value: str) -> None:
    assert environment(MRU_FLAG=value).boolean("MRU_FLAG", default=True) is False


@pytest.mark.parametrize("default", [True, False])
def test_a_flag_that_is_not_set_is_its_default(default: bool) -> None:  # noqa: FBT001
    assert environment().boolean("MRU_FLAG", default=default) is default


def test_a_flag_that_is_neither_is_named() -> None:
    fault = fault_of(environment(MRU_FLAG="maybe").boolean, "MRU_FLAG", default=True)
    assert fault == "MRU_FLAG must be true or false, not 'maybe'."


@pytest.mark.parametrize(
    ("value", "size"), [("", Size.SMALL), ("large", Size.LARGE), ("LARGE", Size.LARGE)]
)
def test_a_choice_is_a_member_of_its_enumeration(value: str, size: Size) -> None:
    assert environment(MRU_SIZE=value).choice("MRU_SIZE", Size.SMALL) is size


def test_a_choice_that_is_none_of_them_is_named_with_all_of_them() -> None:
    fault = fault_of(environment(MRU_SIZE="huge").choice, "MRU_SIZE", Size.SMALL)
    assert fault == "MRU_SIZE must be one of small, large, not 'huge'."


@pytest.mark.parametrize("value", ["one,two", " one , two ", ",one,,two,"])
def test_a_listing_is_parted_by_commas(value: str) -> None:
    assert environment(MRU_BUCKETS=value).listing("MRU_BUCKETS") == ("one", "two")


@pytest.mark.parametrize("value", ["", ",", " , ,"])
def test_a_listing_of_nothing_is_named(value: str) -> None:
    assert fault_of(environment(MRU_BUCKETS=value).listing, "MRU_BUCKETS").startswith("MRU_BUCKETS")


def test_secrets_are_words_of_the_variable() -> None:
    read = environment(MRU_SECRET=f" {SECRET}  {OLD} ").secrets("MRU_SECRET")
    assert read == (SECRET, OLD)


def test_secrets_are_words_of_the_file_where_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n{OLD}\n")
    read = environment(MRU_SECRET=" ", MRU_SECRET_FILE=str(file)).secrets("MRU_SECRET")
    assert read == (SECRET, OLD)


def test_a_secret_that_is_not_set_is_named() -> None:
    assert fault_of(environment().secrets, "MRU_SECRET") == "MRU_SECRET is not set."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "which cannot be read: No such file or directory."),
        (b" \n", "names a file with nothing in it."),
        (SECRET.encode() + b"\xff", "which is not UTF-8."),
    ],
)
def test_a_bad_file_is_named_and_its_secret_is_not(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    fault = fault_of(environment(MRU_SECRET_FILE=str(file)).secrets, "MRU_SECRET")
    assert fault.startswith("MRU_SECRET_FILE names ")
    assert fault.endswith(reason)
    assert SECRET not in fault


@pytest.mark.parametrize("words", [SECRET[:31], f"{SECRET} {SECRET[:31]}"])
def test_each_secret_has_at_least_32_characters_and_none_is_quoted(
    tmp_path: Path, words: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(words)
    rule = "must hold secrets of at least 32 characters each."
    for told, name in (({"MRU_SECRET": words}, "MRU_SECRET"), (of(file), "MRU_SECRET_FILE")):
        assert fault_of(Environment(told).secrets, "MRU_SECRET") == f"{name} {rule}"
    assert environment(MRU_SECRET=SECRET[:32]).secrets("MRU_SECRET") == (SECRET[:32],)


def of(file: Path) -> dict[str, str]:
    return {"MRU_SECRET_FILE": str(file)}


@pytest.mark.parametrize("content", ["word", "word\n", "word\r\n"])
def test_a_password_is_the_line_of_its_file_as_it_stands(tmp_path: Path, content: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(f" two {content}".encode())
    assert Environment(of(file)).password("MRU_SECRET") == " two word"
    assert environment(MRU_SECRET="word").password("MRU_SECRET") == "word"
    assert environment().password("MRU_SECRET", "") == ""
    assert fault_of(environment().password, "MRU_SECRET") == "MRU_SECRET is not set."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "names a file with nothing in it."),
        ("\n", "names a file with nothing in it."),
        (f"{SECRET}\nmore\n", "which is not one line of text."),
        (f"{SECRET}\0", "which is not one line of text."),
    ],
)
def test_a_bad_password_file_is_named_and_its_password_is_not(
    tmp_path: Path, content: str, reason: str
) -> None:
    file = tmp_path / "password"
    file.write_text(content)
    fault = fault_of(Environment(of(file)).password, "MRU_SECRET")
    assert fault.startswith("MRU_SECRET_FILE names ")
    assert fault.endswith(reason)
    assert SECRET not in fault


@pytest.mark.parametrize("read", [Environment.secrets, Environment.password])
def test_a_secret_and_its_file_are_not_both_set(
    tmp_path: Path, read: Callable[[Environment, str], Any]
) -> None:
    file = tmp_path / "secret"
    file.write_text(OLD)
    fault = fault_of(read, environment(MRU_SECRET=SECRET, MRU_SECRET_FILE=str(file)), "MRU_SECRET")
    assert fault == "MRU_SECRET and MRU_SECRET_FILE are set: set one of them."


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    fault = fault_of(environment(MRU_SECRET_FILE=str(tmp_path)).secrets, "MRU_SECRET")
    assert fault == f"MRU_SECRET_FILE names {tmp_path}, which cannot be read: Is a directory."


def test_no_value_shows_where_an_environment_is_printed() -> None:
    assert SECRET not in repr(environment(MRU_SECRET=SECRET))


def test_the_database_is_read_from_its_five_variables() -> None:
    read = DatabaseSettings.read(
        environment(
            MRU_DB_HOST="db.example",
            MRU_DB_PORT="6432",
            MRU_DB_USER="mru_api",
            MRU_DB_PASS=SECRET,
            MRU_DB_NAME="movies",
        )
    )
    assert read == DatabaseSettings(
        host="db.example", port=6432, user="mru_api", password=SECRET, name="movies"
    )
    assert SECRET not in repr(read)


@pytest.mark.parametrize("name", ["MRU_DB_HOST", "MRU_DB_USER", "MRU_DB_NAME"])
def test_a_database_that_is_not_wholly_named_is_a_fault(name: str) -> None:
    values = {"MRU_DB_HOST": "h", "MRU_DB_USER": "u", "MRU_DB_PASS": SECRET, "MRU_DB_NAME": "n"}
    del values[name]
    assert fault_of(DatabaseSettings.read, Environment(values)) == f"{name} is not set."


@pytest.mark.parametrize("port", ["0", "65536", "postgres"])
def test_a_port_that_cannot_be_is_named(port: str) -> None:
    values = {"MRU_DB_HOST": "h", "MRU_DB_USER": "u", "MRU_DB_NAME": "n", "MRU_DB_PORT": port}
    assert fault_of(DatabaseSettings.read, Environment(values)).startswith("MRU_DB_PORT must be ")


def test_a_password_file_is_read_anew_for_each_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{OLD}\n")
    values = {"MRU_DB_HOST": "h", "MRU_DB_USER": "u", "MRU_DB_NAME": "n"}
    read = DatabaseSettings.read(Environment(values | {"MRU_DB_PASS_FILE": str(file)}))
    assert (read.password, read.present_password()) == (OLD, OLD)
    assert read.password_file == SecretFile("MRU_DB_PASS_FILE", file)
    file.write_text(f"{SECRET}\n")
    assert read.present_password() == SECRET
    assert SECRET not in repr(read)
    assert OLD not in repr(read)


def test_a_password_may_be_missing_and_the_port_is_that_of_postgres() -> None:
    values = {"MRU_DB_HOST": "h", "MRU_DB_USER": "u", "MRU_DB_NAME": "n"}
    read = DatabaseSettings.read(Environment(values))
    assert (read.port, read.password) == (5432, "")
