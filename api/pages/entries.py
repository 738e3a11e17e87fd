"""An import as the pages show it: how far it is, how long it takes, what became of its records."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.imports import ActionKind, ImportStatus

# In the order in which they add up to what was read.
OUTCOMES: Final = {
    "inserted": "New",
    "updated": "Updated",
    "unchanged": "Unchanged",
    "stale": "Stale",
    "repeated": "Repeated",
    "rejected": "Rejected",
}
# What operators did, in a word.
ACTIONS: Final = {
    ActionKind.RETRY: "Retried",
    ActionKind.REDRIVE: "Redriven",
    ActionKind.UNDO: "Undone",
    ActionKind.FORGET_ERRORS: "Invalid records deleted",
}
_UNDER_WAY: Final = {ImportStatus.QUEUED: 5, ImportStatus.RUNNING: 1}


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a running import is. `share` is of the file's bytes, where its size is known."""

    records: int
    bytes: int
    size: int | None
    per_second: int
    left: timedelta | None

    @property
    def share(self) -> float | None:
        """From 0 to 1."""
        return min(1.0, self.bytes / self.size) if self.size else None


@dataclasses.dataclass(frozen=True)
class Entry:
    """An import, with all its columns as `row`."""

    row: dict[str, Any]
    took: timedelta | None
    progress: Progress | None

    @property
    def status(self) -> str:
        """Where it stands."""
        return str(self.row["status"])

    @property
    def outcomes(self) -> list[tuple[str, int]]:
        """What became of the records, each outcome by its name."""
        return [(label, self.row[name]) for name, label in OUTCOMES.items()]

    @classmethod
    def of(cls, row: dict[str, Any], now: datetime) -> "Entry":
        """Reads a row of the ledger."""
        running = row["status"] is ImportStatus.RUNNING
        took = (row["finished_at"] or now) - row["started_at"]
        return cls(
            row,
            took if running or row["finished_at"] else None,
            _progress(row, took.total_seconds()) if running else None,
        )


def seconds_to_wait(entries: list[Entry], *, idle: int | None = None) -> int | None:
    """Returns after how many seconds it is worth looking again; `idle` if nothing is under way."""
    waits = [_UNDER_WAY.get(entry.row["status"]) for entry in entries]
    return min((wait for wait in waits if wait is not None), default=idle)


def _progress(row: dict[str, Any], seconds: float) -> Progress:
    done, size = row["bytes_so_far"], row["size"]
    left = None
    if size and 0 < done < size and seconds > 1:
        left = timedelta(seconds=seconds * (size - done) / done)
    per_second = round(row["records_so_far"] / seconds) if seconds > 1 else 0
    return Progress(row["records_so_far"], done, size, per_second, left)
