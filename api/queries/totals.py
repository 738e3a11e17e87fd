"""How many movies were found, where finding a page does not tell: what is common, and terms of one
or two letters.

They are counted in a bounded part of the movies, and not for a bounded time, so that a search has
the same total however busy the machine is. The part is the first blocks of the table; or, of a span
of years, the last movies on the list by year.
"""

import dataclasses
from typing import Any, Final

import sqlalchemy as sa

from api.queries.filters import Filters
from api.queries.places import Place
from api.queries.planning import BY_LIST, BY_PLACE
from api.queries.rows import COUNTED_EXACTLY, Total, select_in_time, select_text

BLOCKS: Final = 1_000  # some 24,000 movies
COMMON_BLOCKS: Final = 3_000  # some 73,000, for a page of what is common is found at once
LISTED: Final = 5_000  # movies; on the list each costs what several in a block do
COMMON_LISTED: Final = 15_000
MILLISECONDS: Final = 300  # only what has to be read from a disk takes longer


@dataclasses.dataclass(frozen=True)
class _Part:
    """Where movies are counted: in `source`, which `complete` tells to be all of them, or not."""

    source: str
    complete: str
    values: tuple[Any, ...]
    planned: str


_COUNTED: Final = """
SELECT
    (SELECT count(*) FROM (SELECT FROM {source} LIMIT {enough}) AS found) AS number,
    {complete} AS complete
"""


def count(
    connection: sa.Connection, filters: Filters, place: Place, rows: list[dict[str, Any]]
) -> Total:
    """Counts the movies found; the rows of a page are there already."""
    # A page beyond the last one says nothing of how many there are before it.
    seen = place.offset + len(rows) if rows else 0
    if place.cursor is None and len(rows) < place.limit and (rows or not place.offset):
        return Total.of(seen, complete=True)  # where the list ends
    part = _part(connection, filters)
    statement = part.planned + _COUNTED.format(
        source=part.source, complete=part.complete, enough=COUNTED_EXACTLY + 1
    )
    counted = select_in_time(connection, statement, part.values, milliseconds=MILLISECONDS)
    if counted is None:
        return Total.of(seen, complete=False)
    (row,) = counted
    return Total.of(max(seen, row["number"]), complete=row["complete"])


def _part(connection: sa.Connection, filters: Filters) -> _Part:
    if not filters.texts.conditions:
        return _Part(f"movies WHERE {filters.sql}", "true", filters.values, BY_LIST)
    # What an index knows comes here where it is common.
    common = filters.texts.indexed.conditions
    blocks, listed = (COMMON_BLOCKS, COMMON_LISTED) if common else (BLOCKS, LISTED)
    if filters.years.conditions and not _has_at_most(connection, blocks):
        return _last_of_years(filters, listed)
    return _first_blocks(filters, blocks)


_AT_MOST: Final = """
pg_relation_size('movies') <= {blocks} * current_setting('block_size')::bigint
"""


def _first_blocks(filters: Filters, blocks: int) -> _Part:
    source = f"movies WHERE {filters.sql} AND ctid < '({blocks},0)'"
    return _Part(source, _AT_MOST.format(blocks=blocks), filters.values, BY_PLACE)


_LISTED: Final = """
(SELECT * FROM movies WHERE {years} ORDER BY year DESC, id DESC LIMIT {listed}) AS listed
WHERE {texts}
"""
_ALL_LISTED: Final = """
(SELECT count(*) FROM (SELECT FROM movies WHERE {years} LIMIT {listed} + 1) AS span) <= {listed}
"""


def _last_of_years(filters: Filters, listed: int) -> _Part:
    years, texts = filters.years, filters.texts
    return _Part(
        _LISTED.format(years=years.sql, texts=texts.sql, listed=listed),
        _ALL_LISTED.format(years=years.sql, listed=listed),
        (*years.values, *texts.values, *years.values),
        BY_LIST,
    )


def _has_at_most(connection: sa.Connection, blocks: int) -> bool:
    (row,) = select_text(connection, f"SELECT {_AT_MOST.format(blocks=blocks)} AS complete")
    return bool(row["complete"])
