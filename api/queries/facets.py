"""How many of the movies found are of each genre and of each year, within a bounded time."""

import collections
import dataclasses
from typing import Any, Final

import sqlalchemy as sa

from api.queries.filters import read_filters
from api.queries.parts import is_rare, parts

MILLISECONDS: Final = 500

_BY_COMBINATION: Final = """
SELECT year, genres, count(*) AS number FROM ({movies}) AS found GROUP BY year, genres
"""


@dataclasses.dataclass(frozen=True)
class Facets:
    """Numbers of movies by genre, the most frequent first, and by year, the newest first.

    Where they are not complete, the time did not suffice, and they are too low.
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
    rare = is_rare(connection, filters)
    for part in parts(connection, filters, _BY_COMBINATION, rare=rare, milliseconds=MILLISECONDS):
        for row in part.rows:
            years[row["year"]] += row["number"]
            genres.update(dict.fromkeys(row["genres"], row["number"]))
        complete = part.last
    frequent_first = sorted(genres.items(), key=lambda item: (-item[1], item[0]))
    return Facets(frequent_first, sorted(years.items(), reverse=True), complete)
