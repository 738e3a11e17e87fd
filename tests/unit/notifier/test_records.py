"""What the notifier reads out of S3's events, which are kept as S3 and the emulator write them."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.handler import BadEventError, read_record, unpack

EVENTS = Path(__file__).parents[2] / "events"
CONTEXT = SimpleNamespace(aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd")


def load(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def read(name: str) -> list[dict[str, Any] | None]:
    return [read_record(record, CONTEXT) for record in unpack(load(name))]


def test_everything_that_s3_says_of_an_object_is_passed_on() -> None:
    assert read("put") == [
        {
            "bucket": "movies-r-us",
            "key": "movies.json",
            "etag": "d41d8cd98f00b204e9800998ecf8427e",
            "size": 2453005,
            "sequencer": "0055AED6DCD90281E5",
            "event_time": "2026-11-24T08:00:00.123Z",
            "request_id": "C3D13FE58DE4C810",
        }
    ]


def test_a_version_id_is_passed_on() -> None:
    (notification,) = read("versioned")
    assert notification is not None
    assert notification["version_id"] == "096fKKXTRTtl3on89fVO.nfljtsv6qko"


@pytest.mark.parametrize("name", ["put", "multipart", "copy"])
def test_every_way_of_creating_an_object_counts(name: str) -> None:
    assert read(name) != [None]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("key-with-spaces", "my movies/best of 2004.json"),
        ("key-with-plus", "romance+comedy.json"),
        ("key-with-slash-escaped", "incoming/2004/movies.json"),
        ("key-with-percent", "100%25.json"),
        ("key-with-unicode", "films/Amélie 映画.json"),
    ],
)
def test_keys_are_decoded_as_s3_encodes_them(name: str, key: str) -> None:
    (notification,) = read(name)
    assert notification is not None
    assert notification["key"] == key


def test_what_the_emulator_leaves_out_is_not_made_up() -> None:
    (notification,) = read("emulator")
    assert notification == {
        "bucket": "movies-r-us",
        "key": "incoming/movies.json",
        "etag": "d41d8cd98f00b204e9800998ecf8427e",
        "size": 2453005,
        "event_time": "2026-11-24T08:00:00.123Z",
        "request_id": CONTEXT.aws_request_id,
    }


def test_an_empty_object_keeps_its_size() -> None:
    event = load("put")
    event["Records"][0]["s3"]["object"]["size"] = 0
    notification = read_record(event["Records"][0], None)
    assert notification is not None
    assert notification["size"] == 0


@pytest.mark.parametrize("name", ["removed", "lifecycle-expired"])
def test_what_is_not_a_new_object_is_ignored_with_a_line_in_the_log(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(name) == [None]
    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "record ignored"
    assert line["key"] == "movies.json"


def test_the_test_event_of_a_new_notification_is_ignored() -> None:
    assert unpack(load("test-event")) == []


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (None, "must be an object, not NoneType"),
        ([], "must be an object, not list"),
        ({}, "must have a list of Records"),
        ({"Records": {}}, "must have a list of Records"),
        ({"Event": "s3:OtherEvent"}, "must have a list of Records"),
    ],
)
def test_what_is_no_s3_event_is_refused(event: Any, message: str) -> None:
    with pytest.raises(BadEventError, match=message):
        unpack(event)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (["eventName"], None, "eventName must be str, not NoneType"),
        (["s3"], [], "s3.bucket.name must be str, not NoneType"),
        (["s3", "bucket", "name"], 7, "s3.bucket.name must be str, not int"),
        (["s3", "object", "key"], {}, "s3.object.key must be str, not dict"),
        (["s3", "object", "key"], "%FF", "is not URL-encoded UTF-8"),
        (["s3", "object", "size"], "12", "s3.object.size must be int, not str"),
        (["s3", "object", "size"], True, "s3.object.size must be int, not bool"),
        (["s3", "object", "sequencer"], 12, "s3.object.sequencer must be str, not int"),
    ],
)
def test_a_record_that_s3_would_not_write_is_refused_and_the_place_named(
    path: list[str], value: Any, place: str
) -> None:
    record = load("put")["Records"][0]
    node = record
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    with pytest.raises(BadEventError, match=place):
        read_record(record, CONTEXT)


def test_a_record_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadEventError, match="eventName must be str"):
        read_record("movies.json", CONTEXT)


def test_a_request_id_that_no_header_could_carry_is_cleaned() -> None:
    record = load("put")["Records"][0]
    record["responseElements"]["x-amz-request-id"] = "C3\r\nX-Evil: 1\u00e9" + "x" * 200
    notification = read_record(record, CONTEXT)
    assert notification is not None
    assert notification["request_id"].startswith("C3X-Evil: 1xxx")
    assert len(notification["request_id"]) == 128
