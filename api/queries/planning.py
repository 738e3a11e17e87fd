"""What the planner is told before a statement, and the guess on which that depends.

It would choose by its statistics. They are not there yet after a first import, know nothing of what
is rare, and can have it walk past a million movies to find none.
"""

from typing import Final

import sqlalchemy as sa

from api.queries.filters import Filters
from api.queries.rows import select_text

# Through the indexes of what texts contain, or along a list.
BY_INDEX: Final = "SET LOCAL enable_seqscan = off; "
# Along a list, for which an index of another kind is no substitute.
BY_LIST: Final = BY_INDEX + "SET LOCAL enable_bitmapscan = off; "
# A piece of the table as it lies on the disk, given by `ctid`.
BY_PLACE: Final = (
    BY_LIST + "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; "
)
# All that is found, however, and then sorted. Only what may read the whole table gains by helpers.
BY_SORTING: Final = (
    "SET LOCAL enable_indexscan = off; SET LOCAL max_parallel_workers_per_gather = 2; "
)

_PROBED_BLOCKS: Final = 60  # about 1,500 movies
_FEW: Final = 6  # found among those, they say little of how many there are
_COMMON: Final = 40_000  # movies: so many that there is no time to read them all

_PROBED: Final = """
SELECT least({counts}) AS found,
    pg_relation_size('movies') / current_setting('block_size')::bigint AS blocks
FROM movies WHERE ctid < '({probed},0)'
"""
_COUNT: Final = "count(*) FILTER (WHERE {condition})"


def is_rare(connection: sa.Connection, filters: Filters) -> bool:
    """Tells whether to look movies up in an index: one knows them, and they are not too many.

    The rarest of the conditions tells, for what the index gives has to be read to see whether it
    meets the others. That is a guess from the first movies of the table: where it is wrong, it only
    takes longer.
    """
    indexed = [each for each in filters.conditions if each.indexed]
    if not indexed:
        return False
    statement = BY_PLACE + _PROBED.format(
        counts=", ".join(_COUNT.format(condition=each.sql) for each in indexed),
        probed=_PROBED_BLOCKS,
    )
    values = tuple(each.value for each in indexed)
    (row,) = select_text(connection, statement, values)
    expected = row["found"] * row["blocks"] / _PROBED_BLOCKS
    return bool(row["found"] < _FEW or expected < _COMMON)
