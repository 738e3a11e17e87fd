"""How the records of a file come in chunks, and what is kept of those that are bad."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.imports import ErrorCode, OnError
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


def test_many_faults_end_the_reading_of_a_file_that_is_taken_whole() -> None:
    records = [*make_records(50), *([{"title": "x"}] * 50)]
    assert rejected(OnError.FAIL, records) == "11 of the first 61 records are invalid"


def test_where_bad_records_are_put_aside_the_reading_ends_if_they_prevail() -> None:
    bad = [{"title": "x"}]
    assert rejected(OnError.CONTINUE, bad * 50) == "11 of the first 11 records are invalid"
    assert rejected(OnError.CONTINUE, (bad * 2 + make_records(1)) * 9).startswith("11 of the first")
    assert rejected(OnError.CONTINUE, (bad + make_records(2)) * 50) == ""


def test_few_faults_are_counted_to_the_end() -> None:
    assert rejected(OnError.FAIL, [{"title": "x"}] * 10) == "10 of 10 records are bad"


def rejected(on_error: OnError, records: list[Any]) -> str:
    """Returns how the reason begins, where a file with more than ten faults is rejected."""
    limits = Limits(max_faults=10, max_listed_errors=5)
    file = json.dumps(records).encode()
    try:
        list(Validator(on_error, limits).chunks(read_records(iter([file]), limits)))
    except PermanentError as error:
        return str(error).partition(";")[0] if error.code is ErrorCode.BAD_RECORDS else error.code
    return ""


def test_of_a_record_with_very_many_unknown_fields_the_first_are_named() -> None:
    _, validator = chunks_of(make_records(2, **{f"x{number}": 0 for number in range(70)}))
    assert validator.ignored_fields.pop("(others)") == 40
    assert dict(validator.ignored_fields) == {f"x{number}": 2 for number in range(50)}


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
