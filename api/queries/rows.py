"""What queries come back with, and how rows become that."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import psycopg2.errors
import sqlalchemy as sa

from api.database import STATEMENT_SECONDS, SpoiledConnectionError
from api.deadline import REQUEST_SECONDS, present_request
from api.errors import ClientGoneError, DatabaseUnavailableError
from api.observe import DatabaseFault, note_database_fault

COUNTED_EXACTLY: Final = 10_000

Values = tuple[Any, ...] | Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Total:
    """How many movies were found: exactly so many (eq), or at least (gte)."""

    count: int
    relation: Literal["eq", "gte"]

    @classmethod
    def of(cls, count: int, *, complete: bool) -> "Total":
        """Counts no further than is promised, so that equal searches say equal things."""
        if count > COUNTED_EXACTLY:
            return cls(COUNTED_EXACTLY, "gte")
        return cls(count, "eq" if complete else "gte")


@dataclasses.dataclass(frozen=True)
class Page:
    """Some rows of an answer, and the values of its pager for the pages around it, if any.

    `total` is there where the rows could not be found without learning it, or it was asked for.
    It is `shortened` where it has less rows than the limit because of their size.
    """

    rows: list[dict[str, Any]]
    following: str | None
    preceding: str | None = None
    total: Total | None = None
    shortened: bool = False


def select(connection: sa.Connection, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    """Runs a statement of SQLAlchemy's."""
    with given(STATEMENT_SECONDS * 1000):
        return _dicts(connection.execute(statement))


def select_text(
    connection: sa.Connection, statement: str, values: Values = ()
) -> list[dict[str, Any]]:
    """Runs a statement in psycopg2's words: `%s` or `%(name)s` are values, `%%` is a `%`.

    Of several statements, parted by semicolons, these are the rows of the last one. In a connection
    that commits by itself they are one transaction, and what they `SET LOCAL` ends with them.
    """
    with given(STATEMENT_SECONDS * 1000):
        return _dicts(connection.exec_driver_sql(statement, values))


def select_bounded(
    connection: sa.Connection, statement: str, values: Values, *, milliseconds: int
) -> list[dict[str, Any]]:
    """Runs a statement like `select_text` that may take so long and no longer."""
    milliseconds = _within_request(milliseconds)
    bounded = f"SET LOCAL statement_timeout = {milliseconds}; {statement}"
    with given(milliseconds):
        return _dicts(connection.exec_driver_sql(bounded, values))


def select_in_time(
    connection: sa.Connection, statement: str, values: Values, *, milliseconds: int
) -> list[dict[str, Any]] | None:
    """Runs a statement like `select_text`, or returns None where the time did not suffice."""
    try:
        return select_bounded(connection, statement, values, milliseconds=milliseconds)
    except sa.exc.OperationalError as error:
        if isinstance(error.orig, psycopg2.errors.QueryCanceled):
            return None
        raise


@contextlib.contextmanager
def given(milliseconds: int) -> Iterator[None]:
    """Tells a time-out of the statement within, which has so long, from one of the one before it.

    Of a time-out that fires in the moment in which its statement ends, Postgres tells the next one,
    and it may have told so before that was asked. Raises SpoiledConnectionError; ClientGoneError
    where nobody waits for the response any longer; DatabaseUnavailableError where it would be late.
    """
    _within_request(milliseconds)
    began = time.monotonic()
    try:
        yield
    except (sa.exc.OperationalError, psycopg2.errors.QueryCanceled) as error:
        _raise_if_gone()
        reason = error.orig if isinstance(error, sa.exc.OperationalError) else error
        cancelled = isinstance(reason, psycopg2.errors.QueryCanceled)
        if cancelled and (time.monotonic() - began) * 1000 < milliseconds:
            raise SpoiledConnectionError from error
        raise


def _within_request(milliseconds: int) -> int:
    """Returns what is left of the time of a statement, by that of the request.

    Raises DatabaseUnavailableError where nothing is left, and ClientGoneError.
    """
    request = present_request()
    if request is None:
        return milliseconds
    _raise_if_gone()
    left = int(request.seconds_left * 1000)
    if left <= 0:
        note_database_fault(DatabaseFault.TIMEOUT)
        raise DatabaseUnavailableError(f"The request needed more than {REQUEST_SECONDS} seconds.")
    return min(milliseconds, left)


def _raise_if_gone() -> None:
    request = present_request()
    if request is not None and request.client_is_gone:
        raise ClientGoneError


def _dicts(result: sa.CursorResult[Any]) -> list[dict[str, Any]]:
    names = [str(name) for name in result.keys()]  # noqa: SIM118  a method of results, not of dicts
    return [dict(zip(names, row, strict=True)) for row in result]
