"""Puts rows straight into the database: movies and imports, as the worker would have left them."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg2
from psycopg2.extras import Json

from schemas.movie import movie_id
from tests.builders import make_record


def make_movie(dsn: str, **fields: Any) -> uuid.UUID:
    """Stores one movie and returns its id; `dsn` is of a role that may write."""
    (made,) = make_movies(dsn, [fields])
    return made


def make_movies(dsn: str, records: Iterable[Mapping[str, Any]]) -> list[uuid.UUID]:
    """Stores movies as the worker would: their ids made of them, their genres known."""
    movies = [make_record(**record) for record in records]
    ids = [movie_id(movie["title"], movie["year"], movie["cast"]) for movie in movies]
    genres = sorted({genre for movie in movies for genre in movie["genres"]})
    with _connection(dsn) as connection, connection.cursor() as cursor:
        for made, movie in zip(ids, movies, strict=True):
            cursor.execute(
                'INSERT INTO movies (id, import_id, title, year, "cast", genres)'
                " VALUES (%s, %s, %s, %s, %s::text[], %s::text[])",
                (
                    str(made),
                    str(uuid.UUID(int=0)),
                    movie["title"],
                    movie["year"],
                    list(movie["cast"]),
                    list(movie["genres"]),
                ),
            )
        for genre in genres:
            cursor.execute("INSERT INTO genres (name) VALUES (%s) ON CONFLICT DO NOTHING", (genre,))
    connection.close()
    return ids


def make_import(dsn: str, **columns: Any) -> uuid.UUID:
    """Writes one row of the ledger and returns its id; by default one that succeeded."""
    now = datetime.now(UTC)
    row = {
        "id": uuid.uuid4(),
        "bucket": "movies-r-us",
        "key": "movies.json",
        "status": "succeeded",
        "on_error": "fail",
        "started_at": now,
        "finished_at": None if columns.get("status") == "running" else now,
        **columns,
    }
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    with _connection(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO imports ({names}) VALUES ({places})",
            [_adapted(value) for value in row.values()],
        )
        if row["status"] == "succeeded":
            cursor.execute("UPDATE data_version SET version = version + 1")
    connection.close()
    made: uuid.UUID = row["id"]
    return made


def make_bad_record(dsn: str, import_id: uuid.UUID, position: int, **columns: Any) -> None:
    """Writes down one bad record of an import."""
    fault = {"field": "year", "message": "Must be a whole number."}
    row = {"faults": [fault], "raw": '{"title": "x", "year": "y"}', **columns}
    with _connection(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO import_errors (import_id, position, faults, raw) VALUES (%s, %s, %s, %s)",
            (str(import_id), position, Json(row["faults"]), row["raw"]),
        )
    connection.close()


def make_action(dsn: str, import_id: uuid.UUID, action: str, **columns: Any) -> None:
    """Writes down what an operator did to an import."""
    row = {"at": datetime.now(UTC), "actor": "ada@ops-1", "reason": None, **columns}
    with _connection(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO import_actions (import_id, at, action, actor, reason) "
            "VALUES (%s, %s, %s, %s, %s)",
            (str(import_id), row["at"], action, row["actor"], row["reason"]),
        )
    connection.close()


def make_alias(dsn: str, alias: uuid.UUID, import_id: uuid.UUID) -> None:
    """Gives an import another id."""
    with _connection(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO import_aliases (id, import_id) VALUES (%s, %s)",
            (str(alias), str(import_id)),
        )
    connection.close()


def _connection(dsn: str) -> Any:
    return psycopg2.connect(dsn)


def _adapted(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    return Json(value) if isinstance(value, dict) else value
