"""The movies: every write to `movies`, `claims` and `genres`.

A chunk goes by COPY into a temporary table of the session and is merged from there. New movies are
inserted; the others are locked first and judged by a statement of its own, which therefore sees
everything that other imports have committed. Newest file wins: an import is outranked by any other
import of the same movie that is later in the order (LastModified, bucket, key, sequencer, version).
"""

import dataclasses
import io
import uuid
from collections.abc import Set
from typing import Final

import sqlalchemy as sa

from worker import locks
from worker.validate import Chunk, Movie

_STAGE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged (
    id uuid, year smallint, title text, "cast" text[], genres text[]
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_genres (name text PRIMARY KEY) ON COMMIT DELETE ROWS
"""

# GIN indexes collect new entries in a list, and sort them in when it is full. With a longer list,
# and memory to sort it in at one go, a large import takes a third less time. But every search reads
# the list (50 ms for 16 MB of it): a large import sorts in what it leaves, see `flush`.
_LARGE: Final = "SET LOCAL gin_pending_list_limit = '16MB'; SET LOCAL work_mem = '64MB'"

_COPY_PIECE_BYTES: Final = 4 * 1024 * 1024
_COPY: Final = 'COPY staged (id, year, title, "cast", genres) FROM STDIN'

_INSERT: Final = sa.text("""
WITH fresh AS (
    INSERT INTO movies (id, import_id, year, title, "cast", genres)
    SELECT id, :me, year, title, "cast", genres FROM staged ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
DELETE FROM staged USING fresh WHERE staged.id = fresh.id
""")

_LOCK: Final = sa.text("""
SELECT count(*) FROM (
    SELECT 1 FROM movies JOIN staged USING (id) ORDER BY movies.id FOR NO KEY UPDATE OF movies
) AS locked
""")

# `seen`: an earlier chunk of this file had the movie already, so this record counts as repeated.
# `outranked`: another import that contains the movie is later in the order than this one. Those
# imports are listed first and then looked up by id: asked for with OR, Postgres would read the
# whole ledger for each movie.
_JUDGE: Final = sa.text("""
WITH me AS MATERIALIZED (
    SELECT last_modified, bucket, key, sequencer, version_id FROM imports WHERE id = :me
), judged AS MATERIALIZED (
    SELECT staged.id, staged."cast", staged.genres, movies.import_id AS owner,
        movies.import_id = :me OR EXISTS (
            SELECT FROM claims WHERE movie_id = staged.id AND claims.import_id = :me
        ) AS seen,
        movies."cast" = staged."cast" AND movies.genres = staged.genres AS same,
        EXISTS (
            SELECT FROM me
            CROSS JOIN (
                SELECT import_id FROM claims WHERE movie_id = staged.id
                UNION ALL VALUES (movies.import_id)
            ) AS of
            JOIN imports AS other ON other.id = of.import_id
            WHERE (other.last_modified, other.bucket, other.key, other.sequencer, other.version_id)
                > (me.last_modified, me.bucket, me.key, me.sequencer, me.version_id)
        ) AS outranked
    FROM staged JOIN movies USING (id)
), rewritten AS (
    UPDATE movies SET "cast" = judged."cast", genres = judged.genres, import_id = :me
    FROM judged
    WHERE movies.id = judged.id AND NOT judged.same AND NOT judged.outranked
), claimed AS (
    INSERT INTO claims (movie_id, import_id)
    SELECT id, CASE WHEN same OR outranked THEN :me ELSE owner END
    FROM judged WHERE owner <> :me
    ON CONFLICT DO NOTHING
)
SELECT
    count(*) FILTER (WHERE NOT seen AND NOT same AND NOT outranked) AS updated,
    count(*) FILTER (WHERE NOT seen AND same) AS unchanged,
    count(*) FILTER (WHERE NOT seen AND NOT same AND outranked) AS stale,
    count(*) FILTER (WHERE seen) AS repeated,
    count(*) FILTER (WHERE seen AND NOT same AND NOT outranked AND owner <> :me) AS promoted
FROM judged
""")


_STAGE_GENRES: Final = sa.text("""
INSERT INTO staged_genres (name) SELECT unnest(CAST(:names AS text[])) ON CONFLICT DO NOTHING
""")

# Sorted, so that two imports with the same new genres wait for each other in one order.
_ADD_GENRES: Final = sa.text("""
INSERT INTO genres (name) SELECT name FROM staged_genres ORDER BY name ON CONFLICT DO NOTHING
""")


@dataclasses.dataclass
class Counts:
    """What became of the good records of an import."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    repeated: int = 0


@dataclasses.dataclass(frozen=True)
class Batch:
    """A chunk as COPY takes it: its rows, how many they are, and what else they hold."""

    rows: str
    movies: int
    repeated: int
    genres: frozenset[str]


def prepare(chunk: Chunk) -> Batch:
    """Writes a chunk out for COPY; needs no database, and so can be done ahead."""
    return Batch(
        rows="".join([_row(movie) for movie in chunk.movies]),
        movies=len(chunk.movies),
        repeated=chunk.repeated,
        genres=frozenset(genre for movie in chunk.movies for genre in movie.genres),
    )


def begin(
    connection: sa.Connection,
    *,
    alone: bool,
    large: bool,
    wait_seconds: int = locks.TURN_WAIT_SECONDS,
) -> None:
    """Prepares a transaction that will merge batches. Raises TransientError after `wait_seconds`.

    Imports run side by side and may deadlock over movies that both contain. One that did begins
    again `alone`: it waits for the others, and they for it. After a `large` one, call `flush`.
    """
    make_stage(connection)
    if large:
        connection.exec_driver_sql(_LARGE)
    locks.take_turn(connection, alone=alone, wait_seconds=wait_seconds)


def make_stage(connection: sa.Connection) -> None:
    """Makes the session's table `staged`, into which `stage` copies. Commits where it does."""
    if "staged" not in connection.info:  # which lasts as long as the session, as the table does
        connection.exec_driver_sql(_STAGE)
        connection.commit()
        connection.info["staged"] = True


def stage(connection: sa.Connection, batch: Batch) -> None:
    """Copies a batch into the table `staged`, which has to be empty."""
    _copy(connection, batch.rows)


def flush(connection: sa.Connection) -> None:
    """Sorts into the search indexes what imports have left in their pending lists. Commits."""
    connection.execute(sa.text("SELECT mru_flush_search_indexes()"))
    connection.commit()


class Merger:
    """Merges batches into the movies on behalf of one import, and counts what becomes of them.

    `known_genres` are genres that the table has, which need not be asked about; nobody deletes any.
    """

    def __init__(
        self, connection: sa.Connection, me: uuid.UUID, known_genres: Set[str] = frozenset()
    ) -> None:
        self._connection = connection
        self._me = me
        self._staged = False
        self._known_genres = known_genres
        self._has_new_genres = False
        self.counts = Counts()

    def merge(self, batch: Batch) -> None:
        """Merges one batch."""
        self.counts.repeated += batch.repeated
        if not batch.movies:
            return
        self._stage_genres(batch.genres)
        self._stage(batch.rows)
        inserted = self._connection.execute(_INSERT, {"me": self._me}).rowcount
        self.counts.inserted += inserted
        if inserted < batch.movies:
            self._merge_known()

    def add_genres(self) -> None:
        """Adds the genres of all batches: as late as can be, for others wait for a new one.

        An import that has got this far waits for nothing but others that have, so that no two wait
        for each other.
        """
        if self._has_new_genres:
            self._connection.execute(_ADD_GENRES)

    def _stage_genres(self, genres: frozenset[str]) -> None:
        # In Postgres, not in memory: a file may have as many as it likes.
        if new := genres - self._known_genres:
            self._connection.execute(_STAGE_GENRES, {"names": sorted(new)})
            self._has_new_genres = True

    def _stage(self, rows: str) -> None:
        if self._staged:
            # Not DELETE: each batch would have to read past the dead rows of all those before it.
            self._connection.exec_driver_sql("TRUNCATE staged")
        _copy(self._connection, rows)
        self._staged = True

    def _merge_known(self) -> None:
        self._connection.execute(_LOCK)
        row = self._connection.execute(_JUDGE, {"me": self._me}).one()
        self.counts.updated += row.updated + row.promoted
        self.counts.unchanged += row.unchanged - row.promoted
        self.counts.stale += row.stale
        self.counts.repeated += row.repeated


def _copy(connection: sa.Connection, rows: str) -> None:
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("The connection was taken away from its pool.")
    with driver.cursor() as cursor:
        # In large pieces: for each, this thread has to wait for the one that validates.
        cursor.copy_expert(_COPY, io.StringIO(rows), size=_COPY_PIECE_BYTES)


def _row(movie: Movie) -> str:
    return (
        f"{movie.id}\t{movie.year}\t{_escaped(movie.title)}"
        f"\t{_array(movie.cast)}\t{_array(movie.genres)}\n"
    )


def _array(texts: list[str]) -> str:
    quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    return _escaped("{" + ",".join(quoted) + "}")


def _escaped(text: str) -> str:
    """Escapes what COPY's text format gives a meaning to."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
