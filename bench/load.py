"""Puts movies straight into the table by COPY, as an import would have left them: for measurements
and tests that are about reading, and want a million of them at once.
"""

import io
import itertools
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import psycopg2

from schemas.movie import movie_id_digits
from worker.store import prepare
from worker.validate import Chunk, Movie

_BATCH: Final = 20_000
_PIECE_BYTES: Final = 1024 * 1024
_NO_IMPORT: Final = "00000000-0000-0000-0000-000000000000"
_COPY: Final = 'COPY movies (id, year, title, "cast", genres, import_id) FROM STDIN'
_GENRES: Final = "INSERT INTO genres (name) SELECT DISTINCT unnest(genres) FROM movies"
_INDEXES: Final = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'movies' AND indexname <> 'movies_pkey'
"""


def load_movies(
    dsn: str, records: Iterable[Mapping[str, Any]], *, analyze: bool = True, ahead: bool = False
) -> None:
    """Stores records of different movies in an empty database, whose owner `dsn` is.

    The indexes are made afterwards, which takes a tenth of the time. With `ahead`, a process of its
    own makes the rows, which pays for millions.
    """
    copy = _copy_ahead if ahead else _copy
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_INDEXES)
            indexes = cursor.fetchall()
            for name, _ in indexes:
                cursor.execute(f"DROP INDEX {name}")
            copy(cursor, records)
            cursor.execute(_GENRES)
            cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
            for _, definition in indexes:
                cursor.execute(definition)
        connection.autocommit = True
        if analyze:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE movies")
    finally:
        connection.close()


def _copy(cursor: Any, records: Iterable[Mapping[str, Any]]) -> None:
    for lines in _lines(records):
        cursor.copy_expert(_COPY, io.BytesIO(lines))


def _copy_ahead(cursor: Any, records: Iterable[Mapping[str, Any]]) -> None:
    reading, writing = os.pipe()
    # Forked: it has the records without their being sent. It ends without touching the connection.
    process = multiprocessing.get_context("fork").Process(
        target=_write, args=(records, reading, writing)
    )
    process.start()
    os.close(writing)
    with os.fdopen(reading, "rb") as rows:
        cursor.copy_expert(_COPY, rows, size=_PIECE_BYTES)
    process.join()
    if process.exitcode:
        raise RuntimeError("The process that makes the rows failed.")


def _write(records: Iterable[Mapping[str, Any]], reading: int, writing: int) -> None:
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        for lines in _lines(records):
            pipe.write(lines)


def _lines(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    movies = map(_movie, records)
    while batch := list(itertools.islice(movies, _BATCH)):
        rows = prepare(Chunk(batch, records=len(batch), repeated=0)).rows
        # Each line ends with a line feed, and those of texts are escaped.
        yield rows.replace("\n", f"\t{_NO_IMPORT}\n").encode()


def _movie(record: Mapping[str, Any]) -> Movie:
    title, year, cast = record["title"], record["year"], record["cast"]
    return Movie(movie_id_digits(title, year, cast), title, year, cast, record["genres"])


def unique(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Leaves out what is the same movie as one before."""
    seen = set[str]()
    for record in records:
        identity = _movie(record).id
        if identity not in seen:
            seen.add(identity)
            yield record
