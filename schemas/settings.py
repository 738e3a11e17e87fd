"""How a room reads its settings: from a mapping given to it, once, checked, each fault named.

Nothing here looks at the process's own environment; an entry point passes `os.environ`. What two
rooms both need, the address of the database, stands here too.
"""

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, TypeVar

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

Choice = TypeVar("Choice", bound=StrEnum)


class LogFormat(StrEnum):
    """How log lines look: for machines or for people."""

    JSON = "json"
    TEXT = "text"


class SettingError(Exception):
    """A setting is missing or wrong; the message names its variable."""


@dataclasses.dataclass(frozen=True)
class Environment:
    """Environment variables by name. An empty value counts as not set, as shells and charts do."""

    values: Mapping[str, str] = dataclasses.field(repr=False)

    def text(self, name: str, default: str | None = None) -> str:
        """Returns the variable's value. Raises SettingError where there is none and no default."""
        value = self.values.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise SettingError(f"{name} is not set.")
        return default

    def optional(self, name: str) -> str | None:
        """Returns the variable's value, or None where it is not set."""
        return self.text(name, "") or None

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        """Returns a whole number within bounds."""
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            raise SettingError(f"{name} must be a whole number, not {value!r}.") from None
        if not minimum <= number <= maximum:
            raise SettingError(f"{name} must be between {minimum} and {maximum}, not {number}.")
        return number

    def boolean(self, name: str, *, default: bool) -> bool:
        """Returns true for 1, true, yes, on and false for 0, false, no, off, in any case."""
        value = self.text(name, str(default)).lower()
        if value not in _TRUE | _FALSE:
            raise SettingError(f"{name} must be true or false, not {value!r}.")
        return value in _TRUE

    def choice(self, name: str, default: Choice) -> Choice:
        """Returns a member of the default's enumeration."""
        value = self.text(name, default.value).lower()
        try:
            return type(default)(value)
        except ValueError:
            allowed = ", ".join(member.value for member in type(default))
            raise SettingError(f"{name} must be one of {allowed}, not {value!r}.") from None

    def listing(self, name: str) -> tuple[str, ...]:
        """Returns the comma-separated parts of a variable; at least one is required."""
        parts = tuple(part.strip() for part in self.text(name).split(",") if part.strip())
        if not parts:
            raise SettingError(f"{name} names nothing.")
        return parts

    def secrets(self, name: str) -> tuple[str, ...]:
        """Returns the words of a secret variable, or those of the file that `{name}_FILE` names.

        More than one word means that each is valid: the first is the current one, the next is on
        its way out. Raises SettingError, which never quotes a secret.
        """
        path = self.optional(f"{name}_FILE")
        words = (_read(f"{name}_FILE", path) if path else self.text(name)).split()
        if not words:
            raise SettingError(f"{name}_FILE names a file with nothing in it.")
        return tuple(words)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where the database is, and as whom to go there."""

    host: str
    port: int
    user: str
    password: str = dataclasses.field(repr=False)
    name: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads MRU_DB_HOST, MRU_DB_PORT, MRU_DB_USER, MRU_DB_PASS and MRU_DB_NAME."""
        return cls(
            host=environment.text("MRU_DB_HOST"),
            port=environment.integer("MRU_DB_PORT", 5432, minimum=1, maximum=65535),
            user=environment.text("MRU_DB_USER"),
            password=environment.text("MRU_DB_PASS", ""),
            name=environment.text("MRU_DB_NAME"),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The same by libpq's names, as psycopg2 takes them; the password among them."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "dbname": self.name,
        }


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(
            f"{name} names {path}, which cannot be read: {error.strerror}."
        ) from error
    except UnicodeDecodeError:
        # Its message quotes bytes of the file, which holds a secret.
        raise SettingError(f"{name} names {path}, which is not UTF-8.") from None
