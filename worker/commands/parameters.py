"""What the commands' options mean: an import's name, a time in the past, who asks and why."""

import dataclasses
import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click

from schemas.imports import ErrorCode, ImportStatus, OnError
from worker.actions import REASON_MAX_LENGTH
from worker.commands.desk import operator_named
from worker.reporting import Filter, is_reference

Function = TypeVar("Function", bound=Callable[..., Any])

_AGO: Final = re.compile(r"(\d{1,6}) ?([smhdw])")
_ADDRESS: Final = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Reference(click.ParamType[str]):
    """The name of an import: its id, the beginning of it, or s3://bucket/key."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the text as it is, if it can be one."""
        if not is_reference(value):
            self.fail(
                f"{value!r} is no id, no beginning of one and no s3://bucket/key.", param, ctx
            )
        return str(value)


@dataclasses.dataclass(frozen=True)
class Address:
    """Where an object is, or would be."""

    bucket: str
    key: str


def address_of(text: str) -> Address | None:
    """Returns the object that s3://bucket/key names, or None for any other text."""
    found = _ADDRESS.fullmatch(text)
    return Address(found["bucket"], found["key"]) if found else None


class ObjectAddress(click.ParamType[Address]):
    """An object by s3://bucket/key."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        """Returns the object's address."""
        address = address_of(str(value))
        if address is None:
            self.fail(f"{value!r} is no s3://bucket/key.", param, ctx)
        return address


class Since(click.ParamType[datetime]):
    """A moment: so long ago, or by the calendar. Without a time zone it is UTC."""

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Returns the moment."""
        ago = _AGO.fullmatch(str(value).strip().lower())
        try:
            if ago:
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            moment = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: say 30m, 2h, 1d or 2026-11-24T08:00.", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def enumerated(values: type[ImportStatus | OnError | ErrorCode]) -> click.Choice[Any]:
    """Returns the type of an option that takes the values of an enumeration."""
    return click.Choice([member.value for member in values])


def _text(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    # Neither Postgres nor UTF-8 can hold these, which a shell may let through.
    if value is not None and re.search("[\x00\ud800-\udfff]", value):
        raise click.BadParameter("It is not UTF-8.")
    return value


def _reason(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not 0 < len(value.strip()) <= REASON_MAX_LENGTH:
        raise click.BadParameter(f"Say it in 1 to {REASON_MAX_LENGTH} characters.")
    return _text(ctx, param, value.strip() if value else None)


def json_option(function: Function) -> Function:
    """Adds --json."""
    return click.option("--json", "as_json", is_flag=True, help="For programs.")(function)


def yes_option(function: Function) -> Function:
    """Adds --yes."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def operator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --by and --reason, which the command gets as its `operator`."""

    @click.option("--by", metavar="NAME", callback=_text, help="Who asks; else user@host.")
    @click.option("--reason", metavar="TEXT", callback=_reason, help="Why, for the record.")
    @functools.wraps(command)
    def with_operator(*args: Any, by: str | None, reason: str | None, **options: Any) -> Any:
        return command(*args, operator=operator_named(by, reason), **options)

    return with_operator


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --failed, --error and --key, which the command gets as its `choice` of failed imports.

    None where nothing was chosen by any of them.
    """

    @click.option("--failed", is_flag=True, help="All that failed.")
    @error_option
    @key_option
    @functools.wraps(command)
    def with_choice(
        *args: Any, failed: bool, error_code: str | None, key: str | None, **options: Any
    ) -> Any:
        code = ErrorCode(error_code) if error_code else None
        wanted = Filter(statuses=(ImportStatus.FAILED,), key=key, error_code=code)
        chosen = failed or code is not None or key is not None
        return command(*args, choice=wanted if chosen else None, **options)

    return with_choice


def key_option(function: Function) -> Function:
    """Adds --key."""
    return click.option(
        "--key",
        metavar="PATTERN",
        callback=_text,
        help="Only keys like this: * is anything, ? one character.",
    )(function)


def error_option(function: Function) -> Function:
    """Adds --error."""
    return click.option(
        "--error",
        "error_code",
        type=enumerated(ErrorCode),
        metavar="CODE",
        help="Only failures of this kind.",
    )(function)


def on_error_option(function: Function) -> Function:
    """Adds --on-error."""
    return click.option(
        "--on-error",
        type=enumerated(OnError),
        help="What a bad record does to its file.",
    )(function)
