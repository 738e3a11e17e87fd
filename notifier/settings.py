"""The notifier's settings: read from the mapping given, checked, each fault named.

It repeats a little of `schemas.settings`, because the notifier is deployed without any other room.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from notifier.secret import SecretError, fetch_secret

NOTIFICATIONS_PATH: Final = "/notifications"
CONNECT_SECONDS_DEFAULT: Final = 3
# Longer than the API's own patience with its queue, which is ten seconds.
READ_SECONDS_DEFAULT: Final = 15
MIN_SECRET_CHARACTERS: Final = 32  # as `schemas.settings` has it


class SettingError(Exception):
    """A setting is missing or wrong; the message names its variable and never quotes a secret."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the API is, what to sign with, and how long to wait for it."""

    url: SplitResult
    secret: str = dataclasses.field(repr=False)
    connect_seconds: int
    read_seconds: int

    @property
    def path(self) -> str:
        """The path of the API that takes notifications."""
        path = self.url.path.rstrip("/")
        return path if path.endswith(NOTIFICATIONS_PATH) else path + NOTIFICATIONS_PATH


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Reads and checks every setting. Raises SettingError, which names the variable.

    Where the secret is in Secrets Manager, it is asked for there.
    """
    return Settings(
        url=_read_url(environ),
        secret=_read_secret(environ),
        connect_seconds=_read_seconds(
            environ, "MRU_NOTIFIER_CONNECT_SECONDS", CONNECT_SECONDS_DEFAULT
        ),
        read_seconds=_read_seconds(environ, "MRU_NOTIFIER_READ_SECONDS", READ_SECONDS_DEFAULT),
    )


def _read_url(environ: Mapping[str, str]) -> SplitResult:
    text = _read(environ, "MRU_API_URL")
    try:
        url = urlsplit(text)
        usable = url.scheme in {"http", "https"} and url.hostname and (url.port is None or url.port)
    except ValueError:
        usable = False
    if not usable:
        raise SettingError("MRU_API_URL must be an http or https URL with a host.")
    if url.username or url.query or url.fragment:
        raise SettingError("MRU_API_URL must have no credentials, query or fragment.")
    return url


def _read_secret(environ: Mapping[str, str]) -> str:
    sources: dict[str, Callable[[str], str]] = {
        "MRU_NOTIFICATION_SECRET": str,
        "MRU_NOTIFICATION_SECRET_FILE": _read_file,
        "MRU_NOTIFICATION_SECRET_ARN": lambda arn: _fetch_secret(arn, environ),
    }
    named = [name for name in sources if environ.get(name, "").strip()]
    if not named:
        raise SettingError("MRU_NOTIFICATION_SECRET is not set.")
    if len(named) > 1:
        raise SettingError(f"{' and '.join(named)} are set: set one of them.")
    words = sources[named[0]](environ[named[0]].strip()).split()
    if not words:
        raise SettingError(f"{named[0]} names a secret with nothing in it.")
    if min(map(len, words)) < MIN_SECRET_CHARACTERS:
        raise SettingError(
            f"{named[0]} must hold secrets of at least {MIN_SECRET_CHARACTERS} characters each."
        )
    return words[0]  # the API takes each word; the first is the current one


def _read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(
            f"MRU_NOTIFICATION_SECRET_FILE names {path}, which cannot be read: {error.strerror}."
        ) from error
    except UnicodeDecodeError:
        # Its message quotes bytes of the file, which holds a secret.
        raise SettingError(
            f"MRU_NOTIFICATION_SECRET_FILE names {path}, which is not UTF-8."
        ) from None


def _fetch_secret(arn: str, environ: Mapping[str, str]) -> str:
    try:
        return fetch_secret(arn, environ)
    except SecretError as error:
        raise SettingError(f"MRU_NOTIFICATION_SECRET_ARN: {error}") from error


def _read_seconds(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 300):
        raise SettingError(f"{name} must be a whole number of seconds from 1 to 300, not {text!r}.")
    return int(text)


def _read(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise SettingError(f"{name} is not set.")
    return value
