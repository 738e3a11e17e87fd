"""Statements over all the movies that meet some filters, or over as many as the time allows.

What is rare is gathered by an index. What is common is taken as it lies on the disk, in slices from
the beginning of the table: each costs little and adds much.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from api.queries.filters import Filters
from api.queries.rows import select_in_time, select_text

NO_SCAN: Final = "SET LOCAL enable_seqscan = off; "
WALKING: Final = NO_SCAN + "SET LOCAL enable_bitmapscan = off; "
_SLICING: Final = (
    WALKING + "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; "
)

_PROBED_BLOCKS: Final = 100  # about 2,000 movies
_COMMON_IN: Final = 10  # one in so many is common
_FIRST_BLOCKS: Final = 1_000


@dataclasses.dataclass(frozen=True)
class Part:
    """What a statement made of some of the movies, and whether that were the last of them."""

    rows: list[dict[str, Any]]
    last: bool


_PROBED: Final = """
SELECT count(*) AS seen, count(*) FILTER (WHERE {filters}) AS found
FROM movies WHERE ctid < '({blocks},0)'
"""


def is_rare(connection: sa.Connection, filters: Filters) -> bool:
    """Tells whether to look movies up in an index: one knows them, and they are not too many.

    That is a guess from the first movies of the table. If it is wrong, it only takes longer.
    """
    if not filters.indexed or not filters.common:
        return filters.indexed
    statement = _SLICING + _PROBED.format(filters=filters.sql, blocks=_PROBED_BLOCKS)
    (row,) = select_text(connection, statement, filters.values)
    return bool(row["found"] * _COMMON_IN <= row["seen"])


def parts(
    connection: sa.Connection, filters: Filters, statement: str, *, rare: bool, milliseconds: int
) -> Iterator[Part]:
    """Yields what a statement makes of all `{movies}` that meet some filters, or of parts of them.

    It has to take what it gets from `{movies}`, and nothing else of its text in braces. The last
    part is missing where `milliseconds` do not suffice.
    """
    if rare or filters.years:
        all_of_them = _ALL.format(filters=filters.sql)
        rows = select_in_time(
            connection,
            NO_SCAN + statement.format(movies=all_of_them),
            filters.values,
            milliseconds=milliseconds,
        )
        if rows is not None:
            yield Part(rows, last=True)
            return
    yield from _slices(connection, filters, statement, milliseconds / 1000)


_ALL: Final = "SELECT * FROM movies WHERE {filters}"
_BLOCKS: Final = """
SELECT pg_relation_size('movies') / current_setting('block_size')::bigint AS number
"""
_SLICE: Final = """
SELECT * FROM movies WHERE ctid >= '({first},0)' AND ctid < '({end},0)' AND {filters}
"""


def _slices(
    connection: sa.Connection, filters: Filters, statement: str, seconds: float
) -> Iterator[Part]:
    """Each slice is twice as long as the one before; none is begun that has too little time."""
    began = time.monotonic()
    (blocks,) = select_text(connection, _BLOCKS)
    first, size, took = 0, _FIRST_BLOCKS, 0.0
    while time.monotonic() - began + 2 * took < seconds:
        at = time.monotonic()
        some = _SLICE.format(first=first, end=first + size, filters=filters.sql)
        rows = select_text(connection, _SLICING + statement.format(movies=some), filters.values)
        first, size, took = first + size, size * 2, time.monotonic() - at
        yield Part(rows, last=first >= blocks["number"])
        if first >= blocks["number"]:
            return
