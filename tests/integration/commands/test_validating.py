"""imports validate: what it says of a file is what the import of that file says."""

import dataclasses
import gzip
import json
import random
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from backports import zstd

from local.postgres import Address
from schemas.imports import OnError
from schemas.notification import Notification
from tests.builders import as_file, make_record, make_records
from tests.databases import make_database
from tests.operators import IMPORTS, Office, open_office
from tests.rig import AWS, ROOT
from worker.importing import Outcome

SAMPLES: Final = Path(__file__).parents[3] / "samples"
LIMITS: Final = {
    "MRU_CHUNK_RECORDS": "3",
    "MRU_MAX_LISTED_ERRORS": "2",
    "MRU_MAX_OBJECT_BYTES": "40000",
    "MRU_MAX_UNPACKED_BYTES": "60000",
    "MRU_MAX_RECORD_BYTES": "4096",
    "MRU_MAX_NESTING": "5",
}
GOOD: Final = as_file(make_records(8))
LINES: Final = b"\n".join(as_file(record) for record in make_records(4))
FILES: Final = {
    "good": GOOD,
    "nothing": b"",
    "white": b" \n\t ",
    "no-json": b"title,year\nNational Treasure,2004\n",
    "empty-array": b"[]",
    "one": as_file(make_record()),
    "lines": LINES,
    "mark": b"\xef\xbb\xbf" + GOOD,
    "gzip": gzip.compress(GOOD),
    "zstd": zstd.compress(GOOD),
    "cut": GOOD[:-50],
    "cut-gzip": gzip.compress(GOOD)[:-20],
    "broken-gzip": gzip.compress(GOOD)[:20] + b"\0" * 50,
    "trailing": GOOD + b"]",
    "comma": GOOD[:-1] + b",]",
    "scalar": b'"National Treasure"',
    "number": b"4.5",
    "latin-1": as_file([make_record()]).replace(b"Cage", b"C\xe2ge"),
    "utf-16": GOOD.decode().encode("utf-16"),
    "nan": b'[{"title": "A", "year": NaN}]',
    "digits": b'[{"title": "A", "year": ' + b"9" * 4000 + b"}]",
    "more-digits": b'[{"title": "A", "year": ' + b"9" * 5000 + b"}]",
    "deep": b'[{"title": "A", "year": 2000, "x": ' + b"[" * 9 + b"]" * 9 + b"}]",
    "deeper": b"[" * 3000,
    "long-record": as_file([make_record(title="A" * 5000)]),
    "too-large": as_file(make_records(400)),
    "bomb": gzip.compress(b" " * 100_000 + GOOD),
    "repeated": as_file(make_records(5) * 3),
    "repeated-within": as_file([make_record(genres=[genre]) for genre in "ABCD"]),
    "bad-at-end": as_file([*make_records(7), {"title": "A"}]),
    "bad-and-cut": as_file([make_record(year="x"), *make_records(7)])[:-9],
    "many-bad": as_file([make_record(year=year) for year in range(1865, 1875)]),
    "no-objects": b'[1, "two", null, [], {}]',
    "ignored": as_file([make_record(href="x", **{"\u0000": 1}), make_record(href="y")]),
}


def random_file(seed: int) -> bytes:
    """A few records, many of them repeated or bad, as an array or in lines, sometimes cut."""
    dice = random.Random(seed)
    records = [
        make_record(
            title=dice.choice(["A", "B", "C", "D", " ", 5]),
            year=dice.choice([1999, 2000, 2000, 2001, "2000"]),
            **dice.choice([{}, {}, {"href": "x"}]),
        )
        for _ in range(dice.randrange(1, 14))
    ]
    body = as_file(records)
    if dice.random() < 0.3:
        body = b"\n".join(as_file(record) for record in records)
    if dice.random() < 0.2:
        body = body[: dice.randrange(1, len(body))]
    return gzip.compress(body) if dice.random() < 0.3 else body


@pytest.fixture(scope="module")
def strict_office(
    aws: str, postgres: Address, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("strict")
    with make_database(postgres) as dsns, open_office(aws, dsns, folder, **LIMITS) as office:
        yield office


def imported(office: Office) -> dict[str, dict[str, Any]]:
    """What the ledger says of imports, by their keys, in the words of a report."""
    same = ("status", "on_error", "read", "repeated", "rejected", "bad_records")
    known = ("ignored_fields", "error_code", "error")
    faults: dict[str, list[Any]] = {}
    for row in office.road.query("SELECT * FROM import_errors ORDER BY position"):
        faults.setdefault(row.pop("import_id"), []).append(row)
    return {
        row["key"]: {
            **{name: row[name] for name in same + known},
            "movies": sum(row[name] for name in ("inserted", "updated", "unchanged", "stale")),
            "faults": faults.get(row["id"], []),
        }
        for row in office.road.query("SELECT * FROM imports")
    }


def validated(office: Office, *words: object) -> dict[str, Any]:
    result = office.types("validate", *words, "--json")
    report: dict[str, Any] = json.loads(result.stdout)
    good = report["status"] == "succeeded" and report["bad_records"] == 0
    assert result.exit_code == (0 if good else 1)
    return report


@pytest.mark.parametrize("policy", list(OnError))
def test_what_is_said_of_a_file_is_what_its_import_says(
    strict_office: Office, tmp_path: Path, policy: OnError
) -> None:
    office = strict_office
    office.clear_out()
    settings = dataclasses.replace(office.road.importer.settings, on_error=policy)
    importer = dataclasses.replace(office.road.importer, settings=settings)
    outcomes, said = set(), {}
    seeds = {f"random-{seed}": random_file(seed) for seed in range(30)}
    for name, body in (FILES | seeds).items():
        (tmp_path / name).write_bytes(body)
        said[name] = validated(office, tmp_path / name, "--on-error", policy)
        outcomes.add(importer.run(office.road.upload(body, name)))
    found = imported(office)
    assert found.keys() == said.keys()
    for name, report in said.items():
        assert report == found[name], name
    assert outcomes == {Outcome.SUCCEEDED, Outcome.FAILED}


@pytest.mark.parametrize("name", ["gzip", "cut", "too-large", "bad-at-end"])
def test_it_is_the_same_for_an_object(strict_office: Office, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    strict_office.road.upload(FILES[name], name)
    there = validated(strict_office, f"s3://{strict_office.road.bucket}/{name}")
    assert there == validated(strict_office, tmp_path / name)


def test_an_object_is_validated_by_a_process_that_is_told_of_s3_alone(
    office: Office, aws: str
) -> None:
    office.road.upload(as_file(make_records(4)))
    done = subprocess.run(
        [*IMPORTS, "validate", f"s3://{office.road.bucket}/movies.json", "--json"],
        cwd=ROOT,
        env={**AWS, "AWS_ENDPOINT_URL": aws},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["movies"] == 4


def test_the_samples_are_told_from_each_other(office: Office) -> None:
    codes = {"bad-records.json": "bad_records", "not-json.json": "not_json"}
    for sample in SAMPLES.glob("*.*json*"):
        if sample.name != "expected.json":
            assert validated(office, sample)["error_code"] == codes.get(sample.name)


def test_an_object_that_is_not_there_is_told_as_its_import_would_tell(office: Office) -> None:
    missing = Notification(id=uuid.uuid4(), bucket=office.road.bucket, key="missing.json")
    office.road.importer.run(missing)
    said = validated(office, f"s3://{office.road.bucket}/missing.json")
    assert said == imported(office)["missing.json"]


def test_a_file_is_explained_to_people(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "movies.json"
    file.write_bytes(as_file([make_record(), {"title": "A\x1b[0m", "year": "x", "href": 1}]))
    result = office.types("validate", file)
    assert result.exit_code == 1
    for words in (
        *("Must be a whole number.", "bad_records", "1 of 2 records is bad; none was taken."),
        *("2 records read, 0 movies, 2 rejected, 1 bad", "failed"),
    ):
        assert words in result.stdout
    taken = office.types("validate", file, "--on-error", "continue")
    assert taken.exit_code == 1
    assert "2 records read, 1 movie, 1 rejected, 1 bad" in taken.stdout


def test_validating_writes_nothing(office: Office) -> None:
    office.road.upload(as_file([make_record()]))
    office.says("validate", f"s3://{office.road.bucket}/movies.json")
    assert office.road.query("SELECT * FROM imports") == []
    assert office.road.query("SELECT * FROM movies") == []
    assert office.messages() == (0, 0)
