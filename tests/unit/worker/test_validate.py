"""How the records of a file come in chunks, and what is kept of those that are bad."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.imports import OnError
from worker.errors import PermanentError
from worker.records import read_records
from worker.settings import Limits
from worker.validate import Chunk, Validator

ROOT = Path(__file__).parents[3]
PEAK_MEGABYTES = 300


def chunks_of(records: list[Any], **limits: int) -> tuple[list[Chunk], Validator]:
    bounds = Limits(**limits)
    validator = Validator(OnError.CONTINUE, bounds)
    file = json.dumps(records, ensure_ascii=False).encode()
    return list(validator.chunks(read_records(iter([file]), bounds))), validator


def make_records(number: int, **others: Any) -> list[dict[str, Any]]:
    return [{"title": f"{index:03}", "year": 2000, **others} for index in range(number)]


def test_a_chunk_closes_at_a_number_of_records() -> None:
    chunks, _ = chunks_of(make_records(7), chunk_records=3)
    assert [chunk.records for chunk in chunks] == [3, 3, 1]


@pytest.mark.parametrize("text", ["y" * 1_000, "é" * 500, "😀" * 250])
def test_a_chunk_closes_at_so_many_bytes_of_text_whatever_becomes_of_it(text: str) -> None:
    chunks, _ = chunks_of(make_records(7, ignored=text), chunk_bytes=3_000)
    assert [chunk.records for chunk in chunks] == [3, 3, 1]
    assert sum(len(chunk.movies) for chunk in chunks) == 7


def test_bad_records_fill_a_chunk_as_good_ones_do() -> None:
    chunks, validator = chunks_of(make_records(6, cast="y" * 1_000), chunk_bytes=3_000)
    assert [(chunk.records, chunk.movies) for chunk in chunks] == [(3, []), (3, [])]
    assert validator.bad == 6


@pytest.mark.parametrize("letter", ["y", "é", "😀"])
def test_a_record_is_measured_in_bytes(letter: str) -> None:
    limit = 2_000
    letters = (limit - len('{"x": ""}')) // len(letter.encode())
    chunks_of([{"x": letter * letters}], max_record_bytes=limit)
    with pytest.raises(PermanentError, match="Record 1 is larger than 2000 bytes"):
        chunks_of([{"x": letter * (letters + 1)}], max_record_bytes=limit)


@pytest.mark.parametrize(
    ("faults", "kept", "last"),
    [(20, 20, ("cast[19]", "Must be a string.")), (21, 20, ("", "2 more faults."))],
)
def test_at_most_20_faults_of_a_record_are_kept(
    faults: int, kept: int, last: tuple[str, str]
) -> None:
    _, validator = chunks_of(make_records(1, cast=[0] * faults))
    (bad,) = validator.bad_records
    assert len(bad.faults) == kept
    assert bad.faults[-1] == last


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        ("a fat field that is ignored", 120),
        ("the longest names, and a fat field", 120),
        ("the longest names", 700),
        ("300,000 names that are none", 30),
    ],
)
def test_the_largest_records_leave_the_memory_of_their_process_flat(
    kind: str, records: int
) -> None:
    command = [sys.executable, "-m", "tests.hungry", kind, str(records)]
    measured = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(measured.stdout) < PEAK_MEGABYTES
