"""What queries come back with, and how rows become that."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Literal

import psycopg2.errors
import sqlalchemy as sa

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
    """

    rows: list[dict[str, Any]]
    following: str | None
    preceding: str | None = None
    total: Total | None = None


def select(connection: sa.Connection, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    """Runs a statement of SQLAlchemy's."""
    return _dicts(connection.execute(statement))


def select_text(
    connection: sa.Connection, statement: str, values: Values = ()
) -> list[dict[str, Any]]:
    """Runs a statement in psycopg2's words: `%s` or `%(name)s` are values, `%%` is a `%`.

    Of several statements, parted by semicolons, these are the rows of the last one. In a connection
    that commits by itself they are one transaction, and what they `SET LOCAL` ends with them.
    """
    return _dicts(connection.exec_driver_sql(statement, values))


def select_in_time(
    connection: sa.Connection, statement: str, values: Values, *, milliseconds: int
) -> list[dict[str, Any]] | None:
    """Runs a statement like `select_text`, or returns None where the time did not suffice."""
    bounded = f"SET LOCAL statement_timeout = {milliseconds}; {statement}"
    try:
        return select_text(connection, bounded, values)
    except sa.exc.OperationalError as error:
        if isinstance(error.orig, psycopg2.errors.QueryCanceled):
            return None
        raise


def _dicts(result: sa.CursorResult[Any]) -> list[dict[str, Any]]:
    names = [str(name) for name in result.keys()]  # noqa: SIM118  a method of results, not of dicts
    return [dict(zip(names, row, strict=True)) for row in result]
