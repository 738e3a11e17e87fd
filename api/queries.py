"""Every SELECT of the API. Nothing here writes, and the database would refuse it.

Pages are found by where the last one ended (keyset), so that the thousandth costs what the first
one does.
"""

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from api.listing import LedgerCursor
from schemas.imports import ErrorCode, ImportSchema, ImportStatus, OnError
from schemas.search import Cursor
from schemas.tables import genres, import_aliases, import_errors, imports, movies

_MOVIE = (movies.c.id, movies.c.title, movies.c.year, movies.c.cast, movies.c.genres)
_IMPORT = tuple(imports.c[name] for name in ImportSchema().fields)
_BAD_RECORD = (import_errors.c.position, import_errors.c.faults, import_errors.c.raw)


@dataclasses.dataclass(frozen=True)
class Page:
    """Some rows of an answer, and the value of its pager for the next page, where there is one."""

    rows: list[dict[str, Any]]
    following: str | None


def is_migrated(connection: sa.Connection) -> bool:
    """Tells whether the tables are there and may be read."""
    table = sa.func.to_regclass(movies.name)
    statement = sa.select(sa.func.coalesce(sa.func.has_table_privilege(table, "select"), False))
    return bool(connection.execute(statement).scalar_one())


def search_movies(connection: sa.Connection, query: dict[str, Any]) -> Page:
    """Finds movies by a query that MovieSearchSchema loaded: newest year first, then by id."""
    conditions = _movie_conditions(connection, query)
    if conditions is None:
        return Page([], None)
    statement = (
        sa.select(*_MOVIE)
        .where(*conditions)
        .order_by(movies.c.year.desc(), movies.c.id.desc())
        .limit(query["limit"] + 1)
    )
    rows, more = _fetch(connection, statement, query["limit"])
    return Page(rows, Cursor(rows[-1]["year"], rows[-1]["id"]).encode() if more else None)


def find_movie(connection: sa.Connection, movie_id: uuid.UUID) -> dict[str, Any] | None:
    """Returns a movie, or None."""
    found = _rows(connection, sa.select(*_MOVIE).where(movies.c.id == movie_id))
    return found[0] if found else None


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
    return Page([_import(row) for row in rows], following)


def find_import(connection: sa.Connection, import_id: uuid.UUID) -> dict[str, Any] | None:
    """Returns the import of that id, or the one of which that id is another name, or None."""
    other_name = (
        sa.select(import_aliases.c.import_id)
        .where(import_aliases.c.id == import_id)
        .scalar_subquery()
    )
    statement = sa.select(*_IMPORT).where(imports.c.id == sa.func.coalesce(other_name, import_id))
    found = _rows(connection, statement)
    return _import(found[0]) if found else None


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
    found = _rows(connection, statement)
    return found[:limit], len(found) > limit


def _rows(connection: sa.Connection, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    result = connection.execute(statement)
    names = [str(name) for name in result.keys()]  # noqa: SIM118  a method of results, not of dicts
    return [dict(zip(names, row, strict=True)) for row in result]


def _movie_conditions(
    connection: sa.Connection, query: dict[str, Any]
) -> list[sa.ColumnElement[bool]] | None:
    conditions = [*_text_conditions(query), *_year_conditions(query)]
    for term in query["genre"]:
        names = _genres_like(connection, term)
        if not names:
            return None
        conditions.append(movies.c.genres.overlap(sa.cast(names, movies.c.genres.type)))
    cursor: Cursor | None = query.get("cursor")
    if cursor is not None:
        order = sa.tuple_(movies.c.year, movies.c.id)
        conditions.append(order < sa.tuple_(sa.literal(cursor.year), sa.literal(cursor.id)))
    return conditions


def _text_conditions(query: dict[str, Any]) -> list[sa.ColumnElement[bool]]:
    titles = [movies.c.title_folded.like(sa.func.mru_like(term)) for term in query["title"]]
    # Names are joined by line feeds; with none in the term, no match spans two people.
    terms = [term.replace("\n", " ") for term in query["actor"]]
    return [*titles, *(movies.c.cast_folded.like(sa.func.mru_like(term)) for term in terms)]


def _year_conditions(query: dict[str, Any]) -> list[sa.ColumnElement[bool]]:
    year, first, last = (query.get(name) for name in ("year", "year_from", "year_to"))
    conditions = []
    if year is not None:
        conditions.append(movies.c.year == year)
    if first is not None:
        conditions.append(movies.c.year >= first)
    if last is not None:
        conditions.append(movies.c.year <= last)
    return conditions


def _genres_like(connection: sa.Connection, term: str) -> Sequence[str]:
    # There are a few dozen genres: a substring is looked up among them, not in every movie.
    statement = sa.select(genres.c.name).where(genres.c.name_folded.like(sa.func.mru_like(term)))
    return connection.execute(statement).scalars().all()


def _import(row: dict[str, Any]) -> dict[str, Any]:
    error_code = row["error_code"]
    return {
        **row,
        "version_id": row["version_id"] or None,
        "status": ImportStatus(row["status"]),
        "on_error": OnError(row["on_error"]),
        "error_code": ErrorCode(error_code) if error_code else None,
    }
