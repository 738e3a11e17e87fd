"""Each setting of the notifier, right and wrong."""

from pathlib import Path

import pytest

from notifier.settings import SettingError, read_settings

RIGHT = {"MRU_API_URL": "https://api.example.com", "MRU_NOTIFICATION_SECRET": "s3cret"}


def test_a_url_and_a_secret_are_enough() -> None:
    settings = read_settings(RIGHT)
    assert settings.path == "/notifications"
    assert settings.secret == "s3cret"
    assert (settings.connect_seconds, settings.read_seconds) == (3, 15)


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
    file.write_text("new old\n", encoding="utf-8")
    assert read_settings(RIGHT | {"MRU_NOTIFICATION_SECRET": "new old"}).secret == "new"
    named = RIGHT | {"MRU_NOTIFICATION_SECRET_FILE": str(file), "MRU_NOTIFICATION_SECRET": "x"}
    assert read_settings(named).secret == "new"


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
        ("MRU_NOTIFICATION_SECRET_FILE", "/nowhere/secret"),
        ("MRU_NOTIFIER_CONNECT_SECONDS", "soon"),
        ("MRU_NOTIFIER_CONNECT_SECONDS", "0"),
        ("MRU_NOTIFIER_READ_SECONDS", "1.5"),
        ("MRU_NOTIFIER_READ_SECONDS", "\u0663"),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read_settings(RIGHT | {variable: value})


def test_an_empty_file_of_secrets_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(SettingError, match="MRU_NOTIFICATION_SECRET_FILE"):
        read_settings(RIGHT | {"MRU_NOTIFICATION_SECRET_FILE": str(file)})


def test_secrets_do_not_show_in_what_is_printed_of_settings() -> None:
    assert "s3cret" not in repr(read_settings(RIGHT))
