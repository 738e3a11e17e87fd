"""What an import of a file would say, without one: the same reading, and no database."""

import dataclasses
import io
from typing import Any

from schemas.imports import ErrorCode, ImportStatus, OnError
from worker.errors import PermanentError
from worker.reading import read_file
from worker.settings import Limits
from worker.validate import BadRecord, Validator


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """How the import of a file would end, and what it would say of the records.

    read = movies + repeated + rejected, as in the ledger, where `movies` is inserted + updated +
    unchanged + stale: which of them depends on what is known already.
    """

    status: ImportStatus
    on_error: OnError
    read: int
    movies: int
    repeated: int
    rejected: int
    bad_records: int
    ignored_fields: dict[str, int]
    error_code: ErrorCode | None
    error: str | None
    faults: tuple[BadRecord, ...]

    @property
    def good(self) -> bool:
        """Whether nothing at all is wrong with the file."""
        return self.status is ImportStatus.SUCCEEDED and not self.bad_records


def check(stream: io.BufferedReader, size: int, *, on_error: OnError, limits: Limits) -> Report:
    """Reads a file of `size` bytes to its end. Takes some 100 bytes of memory for each movie."""
    validator = Validator(on_error, limits)
    seen: set[bytes] = set()
    repeated = 0
    try:
        for chunk in validator.chunks(read_file(stream, size, limits)):
            ids = {bytes.fromhex(movie.id) for movie in chunk.movies}
            repeated += chunk.repeated + len(ids & seen)
            seen |= ids
    except PermanentError as error:
        return refuse(error, on_error=on_error, validator=validator)
    return Report(
        status=ImportStatus.SUCCEEDED,
        movies=validator.read - validator.bad - repeated,
        repeated=repeated,
        rejected=validator.bad,
        error_code=None,
        error=None,
        **_facts(validator, on_error),
    )


def refuse(
    error: PermanentError, *, on_error: OnError, validator: Validator | None = None
) -> Report:
    """Makes the report of a file that would be refused, or that cannot be read at all."""
    facts = _facts(validator or Validator(on_error, Limits()), on_error)
    return Report(
        status=ImportStatus.FAILED,
        movies=0,
        repeated=0,
        rejected=facts["read"],
        error_code=error.code,
        error=str(error),
        **facts,
    )


def _facts(validator: Validator, on_error: OnError) -> dict[str, Any]:
    return {
        "on_error": on_error,
        "read": validator.read,
        "bad_records": validator.bad,
        "ignored_fields": dict(validator.ignored_fields),
        "faults": tuple(validator.bad_records),
    }
