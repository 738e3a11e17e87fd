"""Reads a file of records that are as large as they may be, and prints the process's peak memory.

Run as `python -m tests.hungry KIND RECORDS`; the file is made as it is read, so that what is
measured is the reading. What is read waits for Postgres in an import; here, for a moment.
"""

import gzip
import io
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from schemas.imports import OnError
from schemas.movie import CAST_MAX_NAMES, NAME_MAX_LENGTH
from worker.ahead import ahead
from worker.app import collect_garbage_less
from worker.reading import read_file
from worker.settings import Limits
from worker.store import prepare
from worker.validate import Validator

_NAMES: Final = [f"{number:03}".ljust(NAME_MAX_LENGTH, "😀") for number in range(CAST_MAX_NAMES)]

RECORDS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "a fat field that is ignored": lambda: {"x": "y" * 1_000_000},
    "the longest names, and a fat field": lambda: {"cast": _NAMES, "x": "y" * 850_000},
    "the longest names": lambda: {"cast": _NAMES},
    "300,000 names that are none": lambda: {"cast": [0] * 300_000, "genres": [0] * 20},
}


def make_file(kind: str, records: int) -> bytes:
    rest = json.dumps(RECORDS[kind](), ensure_ascii=False)[1:]
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as zipped:
        for number in range(records):
            zipped.write(f'{{"title": "{number}", "year": 2000, {rest}\n'.encode())
    return file.getvalue()


def main(kind: str, records: int) -> None:
    collect_garbage_less()  # as a worker's processes do
    file = make_file(kind, records)
    limits = Limits(max_unpack_ratio=10_000)
    validator = Validator(OnError.CONTINUE, limits)
    stream = io.BufferedReader(io.BytesIO(file))  # type: ignore[arg-type]  # it is raw enough
    batches = map(prepare, validator.chunks(read_file(stream, len(file), limits)))
    with ahead(batches, depth=2, interrupt=lambda: None) as checked:
        for _ in checked:
            time.sleep(0.05)  # so that the reading is as far ahead as it may be
    assert validator.read == records
    print(_peak_megabytes())


def _peak_megabytes() -> int:
    # Not getrusage's figure: that begins with what the process had from which this one was forked.
    status = Path("/proc/self/status").read_text("ascii")
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) // 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
