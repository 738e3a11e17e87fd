"""Every SELECT of the API. Nothing here writes, and the database would refuse it.

Pages are found by where the last one ended (keyset), so that the thousandth costs what the first
one does.
"""

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any, Final, Literal

import sqlalchemy as sa

from api.listing import LedgerCursor
from schemas.imports import ErrorCode, ImportSchema, ImportStatus, OnError
from schemas.search import MOVIE_FIELDS, Cursor, Direction, fingerprint
from schemas.tables import genres, import_aliases, import_errors, imports, movies

_MOVIE = (movies.c.id, movies.c.title, movies.c.year, movies.c.cast, movies.c.genres)
_IMPORT = tuple(imports.c[name] for name in ImportSchema().fields)
_COUNTED: Final = 10_000
_BAD_RECORD = (import_errors.c.position, import_errors.c.faults, import_errors.c.raw)


@dataclasses.dataclass(frozen=True)
class Page:
    """Some rows of an answer, and the values of its pager for the pages around it, if any."""

    rows: list[dict[str, Any]]
    following: str | None
    preceding: str | None = None


@dataclasses.dataclass(frozen=True)
class Total:
    """How many movies were found: exactly so many (eq), or at least (gte)."""

    count: int
    relation: Literal["eq", "gte"]


@dataclasses.dataclass(frozen=True)
class Facets:
    """How many of the movies found are of each genre and year; all of them, if complete."""

    genres: list[tuple[str, int]]
    years: list[tuple[int, int]]
    complete: bool


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A title or the name of an actor."""

    kind: Literal["title", "actor"]
    text: str


def is_migrated(connection: sa.Connection) -> bool:
    """Tells whether the tables are there and may be read."""
    table = sa.func.to_regclass(movies.name)
    statement = sa.select(sa.func.coalesce(sa.func.has_table_privilege(table, "select"), False))
    return bool(connection.execute(statement).scalar_one())


def data_version(connection: sa.Connection) -> int:
    """Returns a number that every committed import changes."""
    succeeded = sa.select(sa.func.count()).where(imports.c.status == ImportStatus.SUCCEEDED.value)
    return int(connection.execute(succeeded.select_from(imports)).scalar_one())


def search_movies(connection: sa.Connection, query: dict[str, Any]) -> Page:
    """Finds a page of movies by a query that MovieSearchSchema loaded."""
    conditions = _movie_conditions(connection, query)
    if conditions is None:
        return Page([], None)
    sort, limit = query["sort"], query["limit"]
    cursor: Cursor | None = query.get("cursor")
    backwards = cursor is not None and cursor.direction is Direction.PREVIOUS
    falling = sort.descending != backwards
    key = movies.c.year if sort.by_year else movies.c.title_folded
    if cursor is not None:
        place = sa.tuple_(sa.cast(cursor.key, key.type), sa.literal(cursor.id))
        order = sa.tuple_(key, movies.c.id)
        conditions.append(order < place if falling else order > place)
    statement = (
        sa.select(*_MOVIE, key.label("sort_key"))
        .where(*conditions)
        .order_by(*(each.desc() if falling else each for each in (key, movies.c.id)))
        .limit(limit + 1)
        .offset((query.get("page", 1) - 1) * limit)
    )
    rows, more = _fetch(connection, statement, limit)
    if backwards:
        rows.reverse()
    after, before = (True, more) if backwards else (more, cursor is not None)
    return Page(
        [{name: row[name] for name in query.get("fields", MOVIE_FIELDS)} for row in rows],
        _cursor(query, rows[-1], Direction.NEXT) if rows and after else None,
        _cursor(query, rows[0], Direction.PREVIOUS) if rows and before else None,
    )


def _cursor(query: dict[str, Any], row: dict[str, Any], direction: Direction) -> str:
    key = str(row["sort_key"])
    return Cursor(query["sort"], direction, key, row["id"], fingerprint(query)).encode()


def count_movies(connection: sa.Connection, query: dict[str, Any]) -> Total:
    """Counts the movies found, exactly up to 10,000."""
    conditions = _movie_conditions(connection, query)
    if conditions is None:
        return Total(0, "eq")
    found = sa.select(movies.c.id).where(*conditions).limit(_COUNTED + 1).subquery()
    count = connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()
    return Total(count, "eq") if count <= _COUNTED else Total(_COUNTED, "gte")


def count_facets(connection: sa.Connection, query: dict[str, Any]) -> Facets:
    """Counts the movies found by genre, the most frequent first, and by year, the newest first."""
    conditions = _movie_conditions(connection, query)
    if conditions is None:
        return Facets([], [], complete=True)
    number = sa.func.count().label("number")
    name = sa.func.unnest(movies.c.genres).label("name")
    named = sa.select(name, number).where(*conditions).group_by("name")
    dated = sa.select(movies.c.year, number).where(*conditions).group_by(movies.c.year)
    return Facets(
        [tuple(row) for row in connection.execute(named.order_by(sa.desc("number"), "name"))],
        [tuple(row) for row in connection.execute(dated.order_by(movies.c.year.desc()))],
        complete=True,
    )


def suggest(connection: sa.Connection, term: str, limit: int) -> list[Suggestion]:
    """Returns titles that contain a term."""
    like = movies.c.title_folded.like(sa.func.mru_like(term))
    titles = connection.execute(sa.select(movies.c.title).where(like).distinct().limit(limit))
    return [Suggestion("title", title) for title in titles.scalars()]


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
