"""How many of the movies found are of each genre and of each year, within a bounded time."""

import collections
import dataclasses
import time
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from api.admission import admit_costly
from api.queries.filters import Filters, read_filters
from api.queries.planning import BY_INDEX, BY_INDEXES, BY_PLACE, guess_costs
from api.queries.rows import select_in_time, select_text
from schemas.facets import GENRES_LISTED

MILLISECONDS: Final = 500

_FIRST_BLOCKS: Final = 1_000
_TABLE: Final = """
SELECT pg_relation_size('movies') / current_setting('block_size')::bigint AS blocks
"""
# Of a piece of the table, so many: where genres are as odd as that, the rarest are counted too low.
_GENRES_COUNTED: Final = 1_000
# What it counts by year has no genre, and what it counts by genre no year. A movie that has a genre
# twice counts once.
_NUMBERS: Final = """
WITH found AS MATERIALIZED (
    SELECT year, genres, count(*) AS number FROM movies WHERE {filters} AND {part}
    GROUP BY year, genres
)
SELECT year, NULL AS genre, sum(number)::bigint AS number FROM found GROUP BY year
UNION ALL (
    SELECT NULL, genre, sum(number)::bigint AS number
    FROM found CROSS JOIN LATERAL (SELECT DISTINCT genre FROM unnest(genres) AS genre) AS each
    GROUP BY genre ORDER BY number DESC, genre COLLATE "C" LIMIT {genres}
)
"""


@dataclasses.dataclass(frozen=True)
class Facets:
    """Numbers of movies by genre, the most frequent first, and by year, the newest first.

    Of the genres, no more than GENRES_LISTED. Where the numbers are not complete, the time did not
    suffice, and they are too low.
    """

    genres: list[tuple[str, int]]
    years: list[tuple[int, int]]
    complete: bool


def count_facets(connection: sa.Connection, query: dict[str, Any]) -> Facets:
    """Counts the movies found by genre and by year; `query` is one of MovieFilterSchema."""
    filters = read_filters(connection, query)
    if filters is None:
        return Facets([], [], complete=True)
    genres, years = collections.Counter[str](), collections.Counter[int]()
    complete = False
    for part in _parts(connection, filters):
        for row in part.rows:
            if row["genre"] is None:
                years[row["year"]] += row["number"]
            else:
                genres[row["genre"]] += row["number"]
        complete = part.last
    frequent_first = sorted(genres.items(), key=lambda item: (-item[1], item[0]))
    listed = frequent_first[:GENRES_LISTED]
    return Facets(listed, sorted(years.items(), reverse=True), complete)


@dataclasses.dataclass(frozen=True)
class _Part:
    """The numbers of some of the movies, and whether those were the last of them."""

    rows: list[dict[str, Any]]
    last: bool


def _parts(connection: sa.Connection, filters: Filters) -> Iterator[_Part]:
    if (planned := _planned(connection, filters)) is not None:
        settings, conditions = planned
        statement = settings + _numbers(conditions, "true")
        rows = select_in_time(connection, statement, filters.values, milliseconds=MILLISECONDS)
        if rows is not None:
            yield _Part(rows, last=True)
            return
    yield from _pieces(connection, filters)


def _planned(connection: sa.Connection, filters: Filters) -> tuple[str, str] | None:
    """Returns how to have the numbers of all that is found, where it is worth trying: what the
    planner is told, and the conditions.
    """
    guess = guess_costs(connection, filters)
    if guess is None or guess.is_costly(counted=True):
        admit_costly()
    if guess is not None and guess.looks_up:
        return BY_INDEXES, filters.sql_through(guess.through)
    if not filters.texts.conditions or filters.years.conditions:
        return BY_INDEX, filters.sql
    return None


def _numbers(filters: str, part: str) -> str:
    return _NUMBERS.format(filters=filters, part=part, genres=_GENRES_COUNTED)


def _pieces(connection: sa.Connection, filters: Filters) -> Iterator[_Part]:
    """Goes through the table in pieces, each twice as large as the one before; none is begun that
    would take more than what is left of the time.
    """
    began = time.monotonic()
    (table,) = select_text(connection, _TABLE)
    first, size, took = 0, _FIRST_BLOCKS, 0.0
    while first == 0 or (time.monotonic() - began + 2 * took) * 1000 < MILLISECONDS:
        at = time.monotonic()
        piece = f"ctid >= '({first},0)' AND ctid < '({first + size},0)'"
        statement = BY_PLACE + _numbers(filters.sql, piece)
        rows = select_text(connection, statement, filters.values)
        first, size, took = first + size, size * 2, time.monotonic() - at
        yield _Part(rows, last=first >= table["blocks"])
        if first >= table["blocks"]:
            return
