"""The ways to a page of the movies that meet some filters, each with a bound on its time.

- *look up*: the indexes that are worth it give all of them, and they are counted and sorted.
  Quick for what is rare, be it at the end of the list or nowhere at all.
- *walk*: along the list, past every movie that does not meet the filters, until a page is full.
  Quick for what is common, and for terms of one or two letters, which no index knows.
- *sort*: looking up without a bound, for what is common but far down the list.
"""

import dataclasses
from typing import Any, Final

import sqlalchemy as sa

from api.admission import admit_costly
from api.queries.filters import Condition, Filters
from api.queries.places import Place
from api.queries.planning import BY_INDEXES, BY_LIST, BY_SORTING, guess_costs
from api.queries.rows import COUNTED_EXACTLY, Total, select_bounded, select_in_time
from api.queries.totals import count

LOOK_UP_MILLISECONDS: Final = 400
WALK_MILLISECONDS: Final = 100
SORT_MILLISECONDS: Final = 2_200  # what remains of the 3 seconds of a request

# Where nobody counts: of so many among a million, walking finds a page as quickly.
_MANY: Final = 4_000


@dataclasses.dataclass(frozen=True)
class Found:
    """The rows of a page, and one more if there are, each with its `key` in the list."""

    rows: list[dict[str, Any]]
    total: Total | None  # None where nobody counted


@dataclasses.dataclass(frozen=True)
class _LookedUp:
    rows: list[dict[str, Any]]
    total: Total


def find(connection: sa.Connection, filters: Filters, place: Place, *, counted: bool) -> Found:
    """Finds a page of the movies that meet some filters, and counts them if that is wanted.

    Raises BusyError where that is costly, and too many such searches are running.
    """
    looked_up = None
    guess = guess_costs(connection, filters)
    if guess is not None and guess.is_costly(counted=counted):
        admit_costly()
    if guess is not None and guess.looks_up:
        bound = COUNTED_EXACTLY if counted else _MANY
        looked_up = _look_up(connection, filters, place, bound, guess.through)
        if looked_up is not None and looked_up.total.relation == "eq":
            return Found(looked_up.rows, looked_up.total if counted else None)
    rows = _walk(connection, filters, place)
    if rows is None:
        admit_costly()
        rows = _sort(connection, filters, place)
    if not counted:
        return Found(rows, None)
    return Found(rows, looked_up.total if looked_up else count(connection, filters, place, rows))


_LOOKED_UP: Final = """
WITH found AS MATERIALIZED (
    SELECT id, {key_column} FROM movies WHERE {filters} LIMIT %s
), counted AS (
    SELECT count(*) AS number FROM found
), page AS (
    SELECT id, {key} AS key FROM found
    WHERE (SELECT number FROM counted) <= %s AND {beyond} ORDER BY {order}
)
SELECT counted.number, page.key, {columns}
FROM counted LEFT JOIN (page JOIN movies USING (id)) ON true
ORDER BY page.key {direction}, page.id {direction}
"""


def _look_up(
    connection: sa.Connection,
    filters: Filters,
    place: Place,
    bound: int,
    through: tuple[Condition, ...],
) -> _LookedUp | None:
    """Returns the page and its total; without rows where more than `bound` were found; or None
    where the time did not suffice.
    """
    statement = BY_INDEXES + _LOOKED_UP.format(
        key_column=place.key_column,
        key=place.key,
        filters=filters.sql_through(through),
        beyond=place.beyond,
        order=place.order,
        columns=place.columns,
        direction=place.direction,
    )
    values = (*filters.values, bound + 1, bound, *place.beyond_values)
    rows = select_in_time(connection, statement, values, milliseconds=LOOK_UP_MILLISECONDS)
    if rows is None:
        return None
    number = rows[0]["number"]
    total = Total(number, "eq") if number <= bound else Total(bound, "gte")
    # With nothing on the page, the number still has a row.
    return _LookedUp([row for row in rows if row["key"] is not None], total)


_LISTED: Final = """
SELECT {key} AS key, {columns} FROM movies WHERE {filters} AND {beyond} ORDER BY {order}
"""


def _list(filters: Filters, place: Place) -> str:
    return _LISTED.format(
        key=place.key,
        columns=place.columns,
        filters=filters.sql,
        beyond=place.beyond,
        order=place.order,
    )


def _walk(connection: sa.Connection, filters: Filters, place: Place) -> list[dict[str, Any]] | None:
    values = (*filters.values, *place.beyond_values)
    statement = BY_LIST + _list(filters, place)
    return select_in_time(connection, statement, values, milliseconds=WALK_MILLISECONDS)


def _sort(connection: sa.Connection, filters: Filters, place: Place) -> list[dict[str, Any]]:
    values = (*filters.values, *place.beyond_values)
    statement = BY_SORTING + _list(filters, place)
    return select_bounded(connection, statement, values, milliseconds=SORT_MILLISECONDS)
