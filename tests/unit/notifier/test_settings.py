"""Each setting of the notifier, right and wrong."""

from pathlib import Path

import pytest

from notifier import settings
from notifier.settings import SettingError, read_settings
from schemas import settings as of_the_others
from tests.builders import OLD_SECRET, SECRET

RIGHT = {"MRU_API_URL": "https://api.example.com", "MRU_NOTIFICATION_SECRET": SECRET}

BOTH = f"{SECRET} {OLD_SECRET}"


def test_a_url_and_a_secret_are_enough() -> None:
    made = read_settings(RIGHT)
    assert made.path == "/notifications"
    assert made.secret == SECRET
    assert (made.connect_seconds, made.read_seconds) == (3, 15)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://api:8080/", "/notifications"),
        ("http://api:8080/notifications", "/notifications"),
        ("http://api:8080/notifications/", "/notifications"),
        ("http://api:8080/v1", "/v1/notifications"),
    ],
)
def test_the_path_is_appended_unless_it_is_there(url: str, path: str) -> None:
    assert read_settings(RIGHT | {"MRU_API_URL": url}).path == path


def test_the_first_word_of_a_secret_is_the_current_one(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{BOTH}\n", encoding="utf-8")
    assert read_settings(RIGHT | {"MRU_NOTIFICATION_SECRET": BOTH}).secret == SECRET
    assert read_settings(named(file)).secret == SECRET


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MRU_API_URL", ""),
        ("MRU_API_URL", "api.example.com"),
        ("MRU_API_URL", "ftp://api.example.com"),
        ("MRU_API_URL", "http://"),
        ("MRU_API_URL", "http://api:port"),
        ("MRU_API_URL", "http://[api"),
        ("MRU_API_URL", "http://user:word@api.example.com"),
        ("MRU_API_URL", "http://api.example.com?key=1"),
        ("MRU_NOTIFICATION_SECRET", " "),
        ("MRU_NOTIFIER_CONNECT_SECONDS", "soon"),
        ("MRU_NOTIFIER_CONNECT_SECONDS", "0"),
        ("MRU_NOTIFIER_READ_SECONDS", "1.5"),
        ("MRU_NOTIFIER_READ_SECONDS", "\u0663"),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read_settings(RIGHT | {variable: value})


def test_a_file_of_secrets_that_cannot_be_read_is_named_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with pytest.raises(SettingError, match=r"_FILE names .* cannot be read: No such file"):
        read_settings(named(file))
    file.write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(SettingError, match=r"_FILE names .* not UTF-8") as caught:
        read_settings(named(file))
    assert SECRET not in str(caught.value)


def test_an_empty_file_of_secrets_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(SettingError, match="_FILE names a secret with nothing in it"):
        read_settings(named(file))


@pytest.mark.parametrize("words", [SECRET[:31], f"{SECRET} {SECRET[:31]}"])
def test_a_secret_of_fewer_than_32_characters_is_rejected_and_not_quoted(
    tmp_path: Path, words: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(words, encoding="utf-8")
    for told, name in (
        (RIGHT | {"MRU_NOTIFICATION_SECRET": words}, "MRU_NOTIFICATION_SECRET"),
        (named(file), "MRU_NOTIFICATION_SECRET_FILE"),
    ):
        with pytest.raises(SettingError) as caught:
            read_settings(told)
        fault = f"{name} must hold secrets of at least 32 characters each."
        assert str(caught.value) == fault
    assert settings.MIN_SECRET_CHARACTERS == of_the_others.MIN_SECRET_CHARACTERS


def test_a_secret_that_is_given_in_two_ways_is_rejected(tmp_path: Path) -> None:
    both = RIGHT | {"MRU_NOTIFICATION_SECRET_FILE": str(tmp_path)}
    with pytest.raises(SettingError) as caught:
        read_settings(both)
    assert str(caught.value) == (
        "MRU_NOTIFICATION_SECRET and MRU_NOTIFICATION_SECRET_FILE are set: set one of them."
    )


def named(file: Path) -> dict[str, str]:
    return {**RIGHT, "MRU_NOTIFICATION_SECRET": "", "MRU_NOTIFICATION_SECRET_FILE": str(file)}


def test_secrets_do_not_show_in_what_is_printed_of_settings() -> None:
    assert SECRET not in repr(read_settings(RIGHT))
