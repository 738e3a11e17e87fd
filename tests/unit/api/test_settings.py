"""Each setting of the API, right and wrong."""

from pathlib import Path

import pytest

from api.settings import LogFormat, Settings, Visibility
from schemas.settings import Environment, SettingError
from tests.builders import OLD_SECRET, OPERATOR_TOKEN, SECRET
from tests.calling import api_environment

DSN = "postgresql://mru_api:pass@db.example.com:5433/movies"
BOTH = f"{SECRET} {OLD_SECRET}"


def read(**changes: str) -> Settings:
    return Settings.read(Environment(api_environment(DSN, **changes)))


def test_every_setting_is_read() -> None:
    settings = read(MRU_BUCKETS="one, two", MRU_LOGS="TEXT", MRU_NOTIFICATION_SECRET=BOTH)
    assert settings.buckets == ("one", "two")
    assert settings.allow_post_movies is False
    assert read(MRU_ALLOW_POST_MOVIES="true").allow_post_movies is True
    assert settings.log_format is LogFormat.TEXT
    assert settings.notification_secrets == (SECRET, OLD_SECRET)
    assert (settings.database.host, settings.database.port) == ("db.example.com", 5433)


def test_imports_are_for_operators_where_nobody_says_otherwise(tmp_path: Path) -> None:
    unset = read(MRU_IMPORTS_VISIBILITY="", MRU_SHOW_INVALID_RECORDS="", MRU_OPERATOR_TOKEN="")
    assert unset.imports_visibility is Visibility.OPERATORS
    assert unset.show_invalid_records is False
    assert unset.operator_tokens == ()
    assert unset.nobody_sees_imports
    file = tmp_path / "token"
    file.write_text(f"{OPERATOR_TOKEN}\n{OLD_SECRET}\n", encoding="utf-8")
    told = read(MRU_OPERATOR_TOKEN="", MRU_OPERATOR_TOKEN_FILE=str(file))
    assert told.operator_tokens == (OPERATOR_TOKEN, OLD_SECRET)
    assert not told.nobody_sees_imports
    assert OPERATOR_TOKEN not in repr(told)


def test_secrets_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n{OLD_SECRET}\n", encoding="utf-8")
    settings = read(MRU_NOTIFICATION_SECRET="", MRU_NOTIFICATION_SECRET_FILE=str(file))
    assert settings.notification_secrets == (SECRET, OLD_SECRET)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MRU_DB_HOST", ""),
        ("MRU_DB_PORT", "many"),
        ("MRU_DB_USER", ""),
        ("MRU_DB_NAME", " "),
        ("AWS_REGION", ""),
        ("MRU_QUEUE_URL", ""),
        ("MRU_QUEUE_URL", "imports"),
        ("MRU_QUEUE_URL", "http://[queue"),
        ("MRU_BUCKETS", ","),
        ("MRU_NOTIFICATION_SECRET", ""),
        ("MRU_NOTIFICATION_SECRET", "short"),
        ("MRU_NOTIFICATION_SECRET", f"{SECRET} short"),
        ("MRU_ALLOW_POST_MOVIES", "maybe"),
        ("MRU_LOGS", "yaml"),
        ("MRU_IMPORTS_VISIBILITY", "private"),
        ("MRU_OPERATOR_TOKEN", "short"),
        ("MRU_OPERATOR_TOKEN", f"{OPERATOR_TOKEN} short"),
        ("MRU_SHOW_INVALID_RECORDS", "some"),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read(**{variable: value})


def test_secrets_do_not_show_in_what_is_printed_of_settings() -> None:
    shown = repr(read(MRU_NOTIFICATION_SECRET=SECRET, MRU_DB_PASS="passw0rd"))
    assert SECRET not in shown
    assert "passw0rd" not in shown
