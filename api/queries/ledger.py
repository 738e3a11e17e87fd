"""Imports, their bad records, what operators did to them, and the version of the data they made.

Pages are found by where the last one ended (keyset), as those of the movies are.
"""

import contextlib
import uuid
from typing import Any, Final

import psycopg2
import sqlalchemy as sa

from api.database import STATEMENT_SECONDS
from api.listing import LedgerCursor
from api.queries.rows import Page, given, select
from schemas.imports import ActionSchema, ImportSchema, action_of, import_of
from schemas.tables import import_actions, import_aliases, import_errors, imports

_IMPORT = tuple(imports.c[name] for name in ImportSchema().fields)
_DATA_VERSION: Final = "SELECT version FROM data_version"
_ACTION = tuple(import_actions.c[name] for name in ActionSchema().fields)
_BAD_RECORD = (import_errors.c.position, import_errors.c.faults, import_errors.c.raw)


def data_version(connection: sa.Connection) -> int:
    """Returns a number that every import changes, in the same moment in which it is committed."""
    # Every search begins with it. Through SQLAlchemy it would take four times as long; what goes
    # wrong is left for SQLAlchemy to find, and to tell what it means for the connection.
    try:
        with (
            given(STATEMENT_SECONDS * 1000),
            contextlib.closing(connection.connection.cursor()) as cursor,
        ):
            cursor.execute(_DATA_VERSION)
            row = cursor.fetchone()
    except psycopg2.Error:
        row = connection.exec_driver_sql(_DATA_VERSION).fetchone()
    if row is None:
        raise LookupError("data_version has no row")
    return int(row[0])


def list_imports(connection: sa.Connection, query: dict[str, Any]) -> Page:
    """Finds imports by a query that LedgerSearchSchema loaded: the newest first."""
    order = sa.tuple_(imports.c.started_at, imports.c.id)
    conditions: list[sa.ColumnElement[bool]] = []
    if "status" in query:
        conditions.append(imports.c.status == query["status"].value)
    if "bucket" in query:
        conditions.append(imports.c.bucket == query["bucket"])
    if "prefix" in query:
        conditions.append(sa.func.starts_with(imports.c.key, query["prefix"]))
    if "cursor" in query:
        cursor: LedgerCursor = query["cursor"]
        conditions.append(order < sa.tuple_(sa.literal(cursor.started_at), sa.literal(cursor.id)))
    statement = (
        sa.select(*_IMPORT)
        .where(*conditions)
        .order_by(imports.c.started_at.desc(), imports.c.id.desc())
        .limit(query["limit"] + 1)
    )
    rows, more = _fetch(connection, statement, query["limit"])
    following = LedgerCursor(rows[-1]["started_at"], rows[-1]["id"]).encode() if more else None
    return Page([import_of(row) for row in rows], following)


def find_import(connection: sa.Connection, import_id: uuid.UUID) -> dict[str, Any] | None:
    """Returns the import of that id, or the one of which that id is another name, or None."""
    other_name = (
        sa.select(import_aliases.c.import_id)
        .where(import_aliases.c.id == import_id)
        .scalar_subquery()
    )
    statement = sa.select(*_IMPORT).where(imports.c.id == sa.func.coalesce(other_name, import_id))
    found = select(connection, statement)
    return import_of(found[0]) if found else None


def list_actions(connection: sa.Connection, import_id: uuid.UUID) -> list[dict[str, Any]]:
    """Returns what operators did to an import, the first first."""
    statement = sa.select(*_ACTION).where(import_actions.c.import_id == import_id)
    rows = select(connection, statement.order_by(import_actions.c.id))
    return [action_of(row) for row in rows]


def list_bad_records(
    connection: sa.Connection, import_id: uuid.UUID, *, after: int, limit: int
) -> Page:
    """Returns the bad records of an import that come after a position, in the file's order."""
    statement = (
        sa.select(*_BAD_RECORD)
        .where(import_errors.c.import_id == import_id, import_errors.c.position > after)
        .order_by(import_errors.c.position)
        .limit(limit + 1)
    )
    rows, more = _fetch(connection, statement, limit)
    return Page(rows, str(rows[-1]["position"]) if more else None)


def _fetch(
    connection: sa.Connection, statement: sa.Select[Any], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    # One row more than asked for was selected: it tells whether there is another page.
    found = select(connection, statement)
    return found[:limit], len(found) > limit
