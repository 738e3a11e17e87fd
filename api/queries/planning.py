"""What the planner is told before a statement, and the guess on which that depends.

It would choose by its statistics. They are not there yet after a first import, know nothing of what
is rare, and can have it walk past a million movies to find none.
"""

import dataclasses
from typing import Final

import sqlalchemy as sa

from api.admission import admit_costly
from api.queries.filters import Condition, Filters, Index
from api.queries.rows import select_text

# Through any index, or along a list.
BY_INDEX: Final = "SET LOCAL enable_seqscan = off; "
# Through all indexes that can serve, so that no movie is read which is not in each of them.
BY_INDEXES: Final = BY_INDEX + "SET LOCAL cpu_tuple_cost = 1000; "
# Through an index that finds, and not along one that lists.
BY_BITMAP: Final = (
    BY_INDEX + "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; "
)
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
_PAGE: Final = 21  # movies: a page of the usual length, and whether there are more

# What costs are counted in is a movie that is read, 1 to 4 microseconds where memory holds all. An
# entry of an index is a part of that.
_COMMON: Final = 50_000  # there is no time for more
_CHEAP: Final = 10_000  # 10 to 40 milliseconds
_ENTRY: Final[dict[Index | None, float]] = {
    Index.YEARS: 0.07,
    Index.GENRES: 0.1,
    Index.TRIGRAMS: 0.25,
}

_PROBED: Final = """
SELECT ARRAY[{counts}]::bigint[] AS counts, {all_met} AS met, count(*) AS probed,
    pg_relation_size('movies') / current_setting('block_size')::bigint AS blocks
FROM movies WHERE ctid < '({probed},0)'
"""
_COUNT: Final = "count(*) FILTER (WHERE {condition})"


@dataclasses.dataclass(frozen=True)
class Guess:
    """What a search costs, in movies read, as the first ones of the table have it.

    Where it is wrong, a search takes longer, or its total is not exact.
    """

    met: int  # of the first ones, those that meet all conditions but the years
    through: tuple[Condition, ...]  # those whose indexes are worth being read
    looking_up: float  # to read those, and every movie that is in all of them
    walking: float  # to read those before a page is full, if what is found is spread evenly

    @property
    def looks_up(self) -> bool:
        """Whether to look them up: there is time, or walking is no better."""
        return bool(self.through) and self.looking_up < max(_COMMON, self.walking)

    def is_costly(self, *, counted: bool) -> bool:
        """Whether only a few such searches may run at once; `counted`: with what is common."""
        if self.looks_up:
            return self.looking_up > _CHEAP
        return counted or self.walking > _CHEAP


def guess_costs(connection: sa.Connection, filters: Filters) -> Guess | None:
    """Guesses what a search costs; None where it looks for no text. Raises BusyError."""
    if not filters.texts.conditions:
        return None
    guess = _guess(connection, filters, _PROBED_BLOCKS)
    if guess.through and guess.met < _FEW and guess.looking_up > _COMMON / 2:
        admit_costly()
        return _guess(connection, filters, _MORE_BLOCKS)
    return guess


def _guess(connection: sa.Connection, filters: Filters, blocks: int) -> Guess:
    indexed, texts = filters.indexed, filters.texts
    statement = BY_PLACE + _PROBED.format(
        counts=", ".join(_COUNT.format(condition=each.sql) for each in indexed.conditions),
        all_met=_COUNT.format(condition=texts.sql),
        probed=blocks,
    )
    (row,) = select_text(connection, statement, (*indexed.values, *texts.values))
    probed = max(row["probed"], 1)
    shares = [max(count, 0.5) / probed for count in row["counts"]]
    movies = probed * max(row["blocks"], blocks) / blocks
    shared = list(zip(shares, indexed.conditions, strict=True))
    through, looking_up = cheapest_indexes(shared, movies)
    # A list of some years may end long before a page is full.
    walking = 0 if filters.years.conditions else _PAGE * probed / max(row["met"], 0.5)
    return Guess(row["met"], through, looking_up, walking)


def cheapest_indexes(
    shares: list[tuple[float, Condition]], movies: float
) -> tuple[tuple[Condition, ...], float]:
    """Returns the conditions whose indexes to read, and what that and the movies found in all of
    them cost, in movies read; `shares` are of the `movies`, and taken as independent of each other.

    The rarest condition is one, and each other that spares more movies than it costs.
    """
    through, cost, left = list[Condition](), 0.0, movies
    for share, condition in sorted(shares, key=lambda pair: pair[0]):
        entries = share * movies * _ENTRY[condition.index]
        if not through or entries < left * (1 - share):
            through.append(condition)
            cost += entries
            left *= share
    return tuple(through), cost + left
