"""The limit: one plain COPY into a table with the same columns, constraints and indexes."""

import time
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg2

from bench.errors import BenchError
from bench.services import Services

_COPY: Final = 'COPY copied (id, import_id, year, title, "cast", genres) FROM STDIN'
_PIECE_BYTES: Final = 1024 * 1024


def measure_limit(services: Services, rows: Path, movies: int) -> float:
    """Returns the seconds from the first byte that is sent to the end of COMMIT."""
    with (
        services.fresh_database() as dsns,
        closing(psycopg2.connect(dsns.admin)) as connection,
        connection.cursor() as cursor,
        rows.open("rb") as file,
    ):
        cursor.execute("CREATE TABLE copied (LIKE movies INCLUDING ALL)")
        connection.commit()
        started_at = time.monotonic()
        cursor.copy_expert(_COPY, file, size=_PIECE_BYTES)
        connection.commit()
        seconds = time.monotonic() - started_at
        if cursor.rowcount != movies:
            raise BenchError(f"COPY took {cursor.rowcount} of {movies} rows.")
    return seconds
