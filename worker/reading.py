"""From a file to its records: the one way for imports, for checks of files, and for undoing."""

import io
from collections.abc import Iterator

from schemas.imports import ErrorCode
from worker.errors import PermanentError
from worker.records import Record, read_records
from worker.settings import Limits
from worker.unpack import unpack


def read_file(stream: io.BufferedReader, size: int, limits: Limits) -> Iterator[Record]:
    """Yields the records of a file of `size` bytes. Raises PermanentError where it is refused."""
    if size > limits.max_object_bytes:
        raise PermanentError(
            ErrorCode.OBJECT_TOO_LARGE,
            f"The object has {size} bytes, of which at most {limits.max_object_bytes} are read.",
        )
    return read_records(unpack(stream, size, limits), limits)
