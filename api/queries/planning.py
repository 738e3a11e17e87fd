"""What the planner is told before a statement, and the guess on which that depends.

It would choose by its statistics. They are not there yet after a first import, know nothing of what
is rare, and can have it walk past a million movies to find none.
"""

import dataclasses
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
_MORE_BLOCKS: Final = 600
_FEW: Final = 6  # found among those, they say little of how many there are
_COMMON: Final = 40_000  # movies: so many that there is no time to read them all
_PAGE: Final = 21  # movies: a page of the usual length, and whether there are more

_PROBED: Final = """
SELECT least({counts}) AS rarest, {all_met} AS met, count(*) AS probed,
    pg_relation_size('movies') / current_setting('block_size')::bigint AS blocks
FROM movies WHERE ctid < '({probed},0)'
"""
_COUNT: Final = "count(*) FILTER (WHERE {condition})"


@dataclasses.dataclass(frozen=True)
class Guess:
    """How many movies would have to be read, from the first ones of the table.

    Where it is wrong, a search takes longer, or its total is not exact.
    """

    met: int  # of the first ones, those that meet all conditions but the years
    looking_up: float  # all that the rarest condition has, to see whether they meet the others
    walking: float  # those before a page is full, if those that meet all are spread evenly

    @property
    def rare(self) -> bool:
        """Whether there is time to look them up."""
        return self.looking_up < _COMMON

    @property
    def far(self) -> bool:
        """Whether walking is no better."""
        return self.looking_up < self.walking

    @property
    def looks_up(self) -> bool:
        """Whether to look them up at all."""
        return self.rare or self.far


def guess_costs(connection: sa.Connection, filters: Filters) -> Guess | None:
    """Guesses what a search costs; None where no index knows what it looks for."""
    if not filters.indexed:
        return None
    guess = _guess(connection, filters, _PROBED_BLOCKS)
    if guess.met < _FEW and guess.looking_up > _COMMON / 2:
        return _guess(connection, filters, _MORE_BLOCKS)
    return guess


def _guess(connection: sa.Connection, filters: Filters, blocks: int) -> Guess:
    indexed = [each for each in filters.conditions if each.indexed]
    texts = filters.texts
    statement = BY_PLACE + _PROBED.format(
        counts=", ".join(_COUNT.format(condition=each.sql) for each in indexed),
        all_met=_COUNT.format(condition=texts.sql),
        probed=blocks,
    )
    values = (*(each.value for each in indexed), *texts.values)
    (row,) = select_text(connection, statement, values)
    # A list of some years may end long before a page is full.
    walking = 0 if filters.years.conditions else _PAGE * row["probed"] / max(row["met"], 0.5)
    return Guess(row["met"], row["rarest"] * row["blocks"] / blocks, walking)
