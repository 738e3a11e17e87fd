"""How long a record can keep other threads waiting: the heartbeat of a lease is one of them."""

import io
import json
import threading
import time
from typing import Final

import pytest

from schemas.imports import OnError
from worker.reading import read_file
from worker.settings import Limits
from worker.store import prepare
from worker.validate import Validator

# The least MRU_VISIBILITY_SECONDS. The heartbeat is due after a third of it.
VISIBILITY_SECONDS: Final = 5
_HEAD: Final = '{"title": "x", "year": 2000, '
RECORDS: Final = {
    "empty arrays": _HEAD + '"x": [' + "[]," * 340_000 + "[]]}",
    "empty objects": _HEAD + '"x": [' + "{}," * 340_000 + "{}]}",
    "very many fields": _HEAD + ",".join(f'"{number}":0' for number in range(100_000)) + "}",
    "one long text": _HEAD + json.dumps({"x": "y" * 1_000_000})[1:],
    "one long run of marks": json.dumps({"title": "\u0301" * 500_000}, ensure_ascii=False),
    "many digits": _HEAD + '"x": [' + "9" * 4_000 + ("," + "9" * 4_000) * 250 + "]}",
    "names that are none": json.dumps({"cast": [0] * 340_000}),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_no_record_of_the_largest_size_makes_a_heartbeat_come_too_late(kind: str) -> None:
    file = RECORDS[kind].encode()
    assert 900_000 < len(file) <= Limits().max_record_bytes
    latest, stop = 0.0, threading.Event()

    def beat() -> None:
        nonlocal latest
        due = time.monotonic()
        while not stop.wait(0.001):
            latest, due = max(latest, time.monotonic() - due), time.monotonic()

    thread = threading.Thread(target=beat)
    thread.start()
    stream = io.BufferedReader(io.BytesIO(file))  # type: ignore[arg-type]  # it is raw enough
    validator = Validator(OnError.CONTINUE, Limits())
    for chunk in validator.chunks(read_file(stream, len(file), Limits())):
        prepare(chunk)
    stop.set()
    thread.join()
    assert validator.read == 1
    assert latest < VISIBILITY_SECONDS / 3
