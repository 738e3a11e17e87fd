"""How many movies were found, where finding a page does not tell: what is common, and terms of one
or two letters.

They are counted in a bounded part of the table, and not for a bounded time, so that a search has
the same total however busy the machine is.
"""

from typing import Any, Final

import sqlalchemy as sa

from api.queries.filters import Filters
from api.queries.places import Place
from api.queries.planning import BY_INDEX, BY_PLACE
from api.queries.rows import COUNTED_EXACTLY, Total, select_in_time

BLOCKS: Final = 3_000  # some 70,000 movies
COMMON_BLOCKS: Final = 6_000  # of which 10,000 meet what a tenth of all do
MILLISECONDS: Final = 150

_COUNTED: Final = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM movies WHERE {filters} AND {part} LIMIT {enough}
    ) AS found) AS number,
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
    if filters.years:
        planned, part, complete = BY_INDEX, "true", "true"
    else:
        blocks = COMMON_BLOCKS if filters.indexed else BLOCKS
        planned, part = BY_PLACE, f"ctid < '({blocks},0)'"
        complete = f"pg_relation_size('movies') <= {blocks} * current_setting('block_size')::bigint"
    statement = _COUNTED.format(
        filters=filters.sql, part=part, enough=COUNTED_EXACTLY + 1, complete=complete
    )
    counted = select_in_time(
        connection, planned + statement, filters.values, milliseconds=MILLISECONDS
    )
    if counted is None:
        return Total.of(seen, complete=False)
    (row,) = counted
    return Total.of(max(seen, row["number"]), complete=row["complete"])
