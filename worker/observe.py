"""What the worker's processes tell of their work: a line for each message, through a pipe.

Imports run in child processes, which may be killed at any moment. What is counted is counted in the
main process (`worker/metrics.py`), which forked them and outlives them. Nobody waits for a count:
where the pipe is full, or there is none because no metrics are wanted, nothing is told.
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from schemas.imports import ErrorCode, ImportStatus
from worker.ledger import Details

_NOTHING: Final = Details()
_MAX_BYTES: Final = 4096  # as POSIX has it, a pipe takes no more than this in one piece


class Result(StrEnum):
    """What became of a message, at one receipt of it."""

    DONE = "done"  # and deleted
    PUT_OFF = "put_off"  # it comes again
    LEFT = "left"  # it may be another worker's by now
    GIVEN_UP = "given_up"  # it becomes a dead letter
    REFUSED = "refused"  # it is no announcement, and becomes a dead letter in the end
    PROCESS_LOST = "process_lost"  # it comes again
    TIMED_OUT = "timed_out"  # its process did not end in time, was killed, and it comes again


@dataclasses.dataclass(frozen=True)
class Report:
    """One receipt of a message; what it says of an import only where that ended.

    `records` are numbers by what became of them, `stages` seconds; `waited` is the seconds from
    S3's event to the commit.
    """

    result: Result
    outcome: str = ""
    error_code: str = ""
    records: Mapping[str, int] = dataclasses.field(default_factory=dict)
    stages: Mapping[str, float] = dataclasses.field(default_factory=dict)
    bytes_read: int = 0
    waited: float | None = None

    def encode(self) -> bytes:
        """Writes the report as a line."""
        known = {name: value for name, value in vars(self).items() if value not in ("", None)}
        return json.dumps(known, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Reads a line. Raises ValueError or TypeError for what `encode` did not write."""
        fields: dict[str, Any] = json.loads(line)
        return cls(Result(fields.pop("result")), **fields)


class Pipe:
    """From all processes of a worker to its main process, which opens it before it forks them."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)

    def tell(self, report: Report) -> None:
        """Sends a report, unless nobody reads fast enough."""
        line = report.encode()
        if len(line) > _MAX_BYTES:
            return
        try:
            os.write(self._writing, line)
        except OSError:
            return

    def reports(self) -> Iterator[Report]:
        """Yields what is told, for ever."""
        with os.fdopen(self._reading, "rb") as lines:
            for line in lines:
                yield Report.decode(line)


_pipes: Final[list[Pipe]] = []  # none, or the one of this process and its children


def open_pipe() -> Pipe:
    """Opens the pipe that `tell` uses from now on, in this process and in those forked from it."""
    _pipes[:] = [Pipe()]
    return _pipes[0]


def tell(result: Result) -> None:
    """Tells what became of a message."""
    for pipe in _pipes:
        pipe.tell(Report(result))


def tell_given_up() -> None:
    """Tells that an import failed because time did not mend what it should have."""
    for pipe in _pipes:
        pipe.tell(Report(Result.GIVEN_UP, ImportStatus.FAILED, ErrorCode.GAVE_UP))


def tell_import(
    outcome: str,
    details: Details = _NOTHING,
    records: Mapping[str, int] | None = None,
    *,
    error_code: str = "",
    since: datetime | None = None,
) -> None:
    """Tells how an import has just ended; `since` is when S3 says that its object came."""
    for pipe in _pipes:
        # S3's clock is not this one's, hence the bound.
        waited = max(0.0, (datetime.now(UTC) - since).total_seconds()) if since else None
        done = Report(Result.DONE, outcome, error_code, records or {}, details.timings)
        pipe.tell(dataclasses.replace(done, bytes_read=details.bytes_read, waited=waited))
