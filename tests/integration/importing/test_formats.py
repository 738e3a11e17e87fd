"""Which files are imported and which are refused: by content, whatever the name says."""

import gzip
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from backports import zstd

from tests.builders import as_file, make_record
from tests.short_road import Road, counts_of
from worker.importing import Outcome

FORMATS: dict[str, Callable[[list[Any]], bytes]] = {
    "array": as_file,
    "indented array": lambda records: json.dumps(records, indent=4).encode(),
    "array with a byte order mark": lambda records: b"\xef\xbb\xbf" + as_file(records),
    "one object": lambda records: json.dumps(records[0], indent=2).encode(),
    "one a line": lambda records: b"\n".join(json.dumps(record).encode() for record in records),
    "one a line, with carriage returns": lambda records: b"".join(
        json.dumps(record).encode() + b"\r\n" for record in records
    ),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
}
NAMES = ("movies.json", "movies.json.gz", "movies.ndjson.zst", "movies.csv", "movies", "Films.JSON")
ENCODINGS = ("", "gzip", "zstd", "br")


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("packer", PACKERS)
def test_a_file_is_what_its_content_says_whatever_its_name_and_headers_say(
    road: Road, format_name: str, packer: str
) -> None:
    for number, (name, encoding) in enumerate(itertools.product(NAMES, ENCODINGS)):
        records = [make_record(title=f"{title} {number}") for title in ("One", "Two")]
        body = PACKERS[packer](FORMATS[format_name](records))
        answer = road.s3.put_object(
            Bucket=road.bucket, Key=f"{number}/{name}", Body=body, ContentEncoding=encoding
        )
        etag = answer["ETag"].strip('"')
        assert (
            road.importer.run(road.notification(f"{number}/{name}", etag=etag)) is Outcome.SUCCEEDED
        )
        expected = 1 if format_name == "one object" else 2
        assert counts_of(road.entry()) == {"read": expected, "inserted": expected}


@pytest.mark.parametrize("packer", PACKERS)
def test_what_is_refused_is_refused_in_every_packing(road: Road, packer: str) -> None:
    whole = as_file([make_record()])
    for code, content in {
        "not_json": b"<html>",
        "truncated": whole[:-3],
        "wrong_top_level": b"42",
        "not_utf8": whole.replace(b"National", b"N\xe4tional"),
        "bad_records": b'[{"title": "No year"}]',
        "empty": b"",
    }.items():
        assert road.run(PACKERS[packer](content), f"{code}.json") is Outcome.FAILED
        assert road.entry()["error_code"] == code


def test_a_file_in_two_packings_is_refused(road: Road) -> None:
    assert road.run(gzip.compress(gzip.compress(as_file([make_record()])))) is Outcome.FAILED
    assert road.entry()["error_code"] == "not_utf8"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"no json", "not_json"),
        (b"<html></html>", "not_json"),
        (b'[{"title": "A", "year": 2004},, ]', "not_json"),
        (b'[{"title": "A", "year": 2004}] trailing', "not_json"),
        (b'[{"title": "A", "year": NaN}]', "not_json"),
        (b'[{"title": "A", "year": 2004},]', "not_json"),
        (b'[{"title": "A", "year": 2004}', "truncated"),
        (b'[{"title": "A", "ye', "truncated"),
        (b'[{"title": "A\\u00', "truncated"),
        (b"null", "wrong_top_level"),
        (b'"text"', "wrong_top_level"),
        (b"17", "wrong_top_level"),
        (b'[{"title": "\xff", "year": 2004}]', "not_utf8"),
        ("[]".encode("utf-16"), "not_utf8"),
        (gzip.compress(as_file([make_record()]))[:-12], "truncated"),
        (b"\x1f\x8b" + b"garbage" * 9, "bad_compression"),
        (b'[{"a": ' + b"[" * 400 + b"]" * 400 + b"}]", "too_deep"),
        (b"[" * 500_000, "too_deep"),
        (b'[{"year": ' + b"9" * 10_000 + b"}]", "not_json"),
        (b'[{"title": "' + b"x" * 2_000_000 + b'"}]', "record_too_large"),
        (gzip.compress(b'[{"title": "' + b"x" * 50_000_000), "record_too_large"),
        (b"[[]]", "bad_records"),
        (b'[{"title": "\\ud800", "year": 2004}]', "bad_records"),
        (b'[{"title": "\\u0000", "year": 2004}]', "bad_records"),
    ],
)
def test_what_is_no_file_of_movies_fails_once_and_says_why(
    road: Road, body: bytes, code: str
) -> None:
    assert road.run(body) is Outcome.FAILED
    entry = road.entry()
    assert (entry["status"], entry["error_code"]) == ("failed", code)
    assert entry["error"]
    assert road.movies() == []
