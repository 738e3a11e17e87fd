"""How many imports there were hour by hour, and how many records they read."""

import dataclasses
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from api.queries.rows import select_in_time
from schemas.imports import ImportStatus

MILLISECONDS: Final = 500

_COUNTED: Final = """
SELECT date_bin('1 hour', started_at, %s) AS hour, status, count(*) AS imports,
    sum(read)::bigint AS records
FROM imports WHERE started_at >= %s GROUP BY hour, status
"""


@dataclasses.dataclass(frozen=True)
class Activity:
    """What was begun in an hour, and stands now at this status."""

    hour: datetime
    status: ImportStatus
    imports: int
    records: int


def count_activity(connection: sa.Connection, since: datetime) -> list[Activity] | None:
    """Counts imports by hour and status, or returns None where the time did not suffice."""
    rows = select_in_time(connection, _COUNTED, (since, since), milliseconds=MILLISECONDS)
    if rows is None:
        return None
    return [
        Activity(row["hour"], ImportStatus(row["status"]), row["imports"], row["records"])
        for row in rows
    ]
