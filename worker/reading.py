"""From a file to its records: the one way for imports, for checks of files, and for undoing."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from schemas.imports import ErrorCode
from worker import ledger, store
from worker.errors import PermanentError
from worker.objects import OpenObject, buffered
from worker.records import Record, read_records
from worker.settings import Limits
from worker.unpack import unpack
from worker.validate import Validator

_LARGE_BYTES: Final = 1024 * 1024  # compressed or not: it only chooses how to go about it


def read_file(stream: io.BufferedReader, size: int, limits: Limits) -> Iterator[Record]:
    """Yields the records of a file of `size` bytes. Raises PermanentError where it is refused."""
    if size > limits.max_object_bytes:
        raise PermanentError(
            ErrorCode.OBJECT_TOO_LARGE,
            f"The object has {size} bytes, of which at most {limits.max_object_bytes} are read.",
        )
    return read_records(unpack(stream, limits), limits)


class Reading:
    """A file being read: its records on their way through, and what is known of it so far."""

    def __init__(self, opened: OpenObject, validator: Validator) -> None:
        self._opened = opened
        self._validator = validator
        self._seconds = {"read": 0.0, "store": 0.0}

    @property
    def large(self) -> bool:
        """Whether the file is worth the cost of what makes large imports faster."""
        return self._opened.version.size >= _LARGE_BYTES

    def batches(self, limits: Limits) -> Iterator[store.Batch]:
        """Yields the good movies, ready for Postgres. Raises PermanentError for a bad file."""
        records = read_file(buffered(self._opened), self._opened.version.size, limits)
        batches = map(store.prepare, self._validator.chunks(records))
        while True:
            with self.timed("read"):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def interrupt(self) -> None:
        """Lets the reading fail now, should it be waiting for S3."""
        self._opened.body.interrupt()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time of a block to a stage."""
        started_at = time.monotonic()
        yield
        self._seconds[stage] += time.monotonic() - started_at

    def details(self) -> ledger.Details:
        fetch = self._opened.body.seconds
        return ledger.Details(
            read=self._validator.read,
            bad=self._validator.bad,
            bad_records=tuple(self._validator.bad_records),
            ignored_fields=self._validator.ignored_fields,
            bytes_read=self._opened.body.bytes_read,
            timings={
                "fetch": round(fetch, 3),
                "validate": round(max(0.0, self._seconds["read"] - fetch), 3),
                "store": round(self._seconds["store"], 3),
            },
        )

    def report(self, connection: sa.Connection, entry: ledger.Entry) -> None:
        """Shows others how far the reading is."""
        ledger.report_progress(
            connection, entry, self._validator.read, self._opened.body.bytes_read
        )
