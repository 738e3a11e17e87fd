"""The notifier's settings: read from the mapping given, checked, each fault named.

It repeats a little of `schemas.settings`, because the notifier is deployed without any other room.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from notifier.secret import SecretError, fetch_secret

NOTIFICATIONS_PATH: Final = "/notifications"
CONNECT_SECONDS_DEFAULT: Final = 3
# Longer than the API's own patience with its queue, which is ten seconds.
READ_SECONDS_DEFAULT: Final = 15


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
    arn = environ.get("MRU_NOTIFICATION_SECRET_ARN", "").strip()
    if arn:
        return _fetch_secret(arn, environ)
    path = environ.get("MRU_NOTIFICATION_SECRET_FILE", "").strip()
    if not path:
        return _read(environ, "MRU_NOTIFICATION_SECRET").split()[0]
    try:
        words = Path(path).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"MRU_NOTIFICATION_SECRET_FILE names {path}, which cannot be read."
        ) from error
    if not words:
        raise SettingError("MRU_NOTIFICATION_SECRET_FILE names a file with nothing in it.")
    return words[0]  # the API takes each word; the first is the current one


def _fetch_secret(arn: str, environ: Mapping[str, str]) -> str:
    try:
        words = fetch_secret(arn, environ).split()
    except SecretError as error:
        raise SettingError(f"MRU_NOTIFICATION_SECRET_ARN: {error}") from error
    if not words:
        raise SettingError("MRU_NOTIFICATION_SECRET_ARN names a secret with nothing in it.")
    return words[0]


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
