"""How a room reads its settings: from a mapping given to it, once, checked, each fault named.

Nothing here looks at the process's own environment; an entry point passes `os.environ`. What two
rooms both need, the address of the database, stands here too.
"""

import dataclasses
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, NoReturn, Self, TypeVar

WRONG_SETTING: Final = 2  # the exit code of a process that a setting keeps from starting
MIN_SECRET_CHARACTERS: Final = 32  # as long as a key of HMAC-SHA256 should be
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
        file = self.secret_file(name)
        words = (file.read() if file else self.text(name)).split()
        if min(map(len, words)) < MIN_SECRET_CHARACTERS:
            source = file.name if file else name
            raise SettingError(
                f"{source} must hold secrets of at least {MIN_SECRET_CHARACTERS} characters each."
            )
        return tuple(words)

    def optional_secrets(self, name: str) -> tuple[str, ...]:
        """Returns what `secrets` returns, or nothing where neither variable is set."""
        if self.optional(name) is None and self.secret_file(name) is None:
            return ()
        return self.secrets(name)

    def password(self, name: str, default: str | None = None) -> str:
        """Returns a password, or the one in the file that `{name}_FILE` names.

        Raises SettingError, which never quotes a password.
        """
        file = self.secret_file(name)
        return file.read_password() if file else self.text(name, default)

    def secret_file(self, name: str) -> "SecretFile | None":
        """Returns the file that `{name}_FILE` names, or None where it is not set.

        Raises SettingError where the variable itself is set, too: one of the two would be ignored,
        and after a rotation that may be the right one.
        """
        path = self.optional(f"{name}_FILE")
        if path is None:
            return None
        if self.optional(name) is not None:
            raise SettingError(f"{name} and {name}_FILE are set: set one of them.")
        return SecretFile(f"{name}_FILE", Path(path))


@dataclasses.dataclass(frozen=True)
class SecretFile:
    """A file that holds a secret. `name` is the variable that names it."""

    name: str
    path: Path

    def read(self) -> str:
        """Returns what the file holds, read anew each time. Raises SettingError."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except OSError as error:
            raise SettingError(
                f"{self.name} names {self.path}, which cannot be read: {error.strerror}."
            ) from error
        except UnicodeDecodeError:
            # Its message quotes bytes of the file, which holds a secret.
            raise SettingError(f"{self.name} names {self.path}, which is not UTF-8.") from None
        if not text.strip():
            raise SettingError(f"{self.name} names a file with nothing in it.")
        return text

    def read_password(self) -> str:
        """Returns the only line of the file, without its end. Raises SettingError."""
        password = self.read().rstrip("\r\n")
        if any(character in password for character in "\r\n\0"):
            raise SettingError(f"{self.name} names {self.path}, which is not one line of text.")
        return password


def exit_naming(error: SettingError) -> NoReturn:
    """Ends the process with one line that names the setting. For entry points."""
    sys.stderr.write(f"{error}\n")
    sys.exit(WRONG_SETTING)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where the database is, and as whom to go there."""

    host: str
    port: int
    user: str
    password: str = dataclasses.field(repr=False)
    name: str
    password_file: SecretFile | None = None

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads MRU_DB_HOST, MRU_DB_PORT, MRU_DB_USER, MRU_DB_PASS (or its file), MRU_DB_NAME."""
        return cls(
            host=environment.text("MRU_DB_HOST"),
            port=environment.integer("MRU_DB_PORT", 5432, minimum=1, maximum=65535),
            user=environment.text("MRU_DB_USER"),
            password=environment.password("MRU_DB_PASS", ""),
            name=environment.text("MRU_DB_NAME"),
            password_file=environment.secret_file("MRU_DB_PASS"),
        )

    def present_password(self) -> str:
        """Returns the password that the file holds now, or else that of the start.

        Raises SettingError where the file cannot be read any more.
        """
        return self.password_file.read_password() if self.password_file else self.password
