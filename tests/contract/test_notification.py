"""What the notifier sends is what the API reads; what the API queues is what the worker reads."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.handler import read_record, unpack
from schemas.notification import dump_notification, load_notification

EVENTS = sorted((Path(__file__).parents[1] / "events").glob("*.json"), key=lambda path: path.name)
CONTEXT = SimpleNamespace(aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd")


def notifications(event: Path) -> list[dict[str, Any]]:
    decoded = json.loads(event.read_text(encoding="utf-8"))
    read = [read_record(record, CONTEXT) for record in unpack(decoded)]
    return [notification for notification in read if notification is not None]


@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_every_event_makes_notifications_that_the_schema_takes_whole(event: Path) -> None:
    for sent in notifications(event):
        loaded = load_notification(sent)
        dumped = dump_notification(loaded)
        assert set(dumped) == {"id", *sent}
        assert dumped["key"] == sent["key"]


def test_there_are_events_that_make_notifications() -> None:
    assert sum(len(notifications(event)) for event in EVENTS) >= 10


@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_an_event_that_is_delivered_twice_asks_for_the_same_import(event: Path) -> None:
    for sent in notifications(event):
        assert load_notification(sent).id == load_notification(sent).id


def test_two_uploads_of_one_key_ask_for_two_imports() -> None:
    (first,) = notifications(EVENTS[0].with_name("put.json"))
    second = first | {"sequencer": "0055AED6DCD90281E6"}
    assert load_notification(first).id != load_notification(second).id


@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_the_queue_carries_a_notification_unchanged(event: Path) -> None:
    for sent in notifications(event):
        loaded = load_notification(sent)
        carried = json.loads(json.dumps(dump_notification(loaded)))
        assert load_notification(carried) == loaded


def test_the_seeds_two_fields_are_enough() -> None:
    loaded = load_notification({"bucket": "movies-r-us", "key": "movies.json"})
    assert (loaded.bucket, loaded.key) == ("movies-r-us", "movies.json")
    assert load_notification(dump_notification(loaded)) == loaded
