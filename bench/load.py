"""Puts movies straight into the table by COPY, as an import would have left them: for measurements
and tests that are about reading, and want a million of them at once.
"""

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import psycopg2

from schemas.movie import movie_id_digits
from worker.store import prepare
from worker.validate import Chunk, Movie

_BATCH: Final = 20_000
_NO_IMPORT: Final = "00000000-0000-0000-0000-000000000000"
_COPY: Final = 'COPY movies (id, year, title, "cast", genres, import_id) FROM STDIN'
_INDEXES: Final = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'movies' AND indexname <> 'movies_pkey'
"""


def load_movies(dsn: str, records: Iterable[Mapping[str, Any]], *, analyze: bool = True) -> None:
    """Stores records of different movies in an empty database, whose owner `dsn` is.

    The indexes are made afterwards, which takes a tenth of the time.
    """
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_INDEXES)
            indexes = cursor.fetchall()
            for name, _ in indexes:
                cursor.execute(f"DROP INDEX {name}")
            genres = _copy(cursor, records)
            cursor.execute("INSERT INTO genres (name) SELECT unnest(%s)", (sorted(genres),))
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
            for _, definition in indexes:
                cursor.execute(definition)
        connection.autocommit = True
        if analyze:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE movies")
    finally:
        connection.close()


def _copy(cursor: Any, records: Iterable[Mapping[str, Any]]) -> set[str]:
    genres = set[str]()
    movies = map(_movie, records)
    while batch := list(itertools.islice(movies, _BATCH)):
        prepared = prepare(Chunk(batch, records=len(batch), repeated=0))
        # Each line ends with a line feed, and those of texts are escaped.
        rows = prepared.rows.replace("\n", f"\t{_NO_IMPORT}\n")
        cursor.copy_expert(_COPY, io.StringIO(rows))
        genres |= prepared.genres
    return genres


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
