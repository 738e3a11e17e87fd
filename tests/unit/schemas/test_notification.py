"""Notifications: the seed's two fields are enough, and the same event has the same id for ever."""

import contextlib
import dataclasses
import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas.fields import flatten_messages
from schemas.notification import (
    KEY_MAX_BYTES,
    SEQUENCER_DIGITS,
    Notification,
    dump_notification,
    load_notification,
    padded_sequencer,
)

# A machine that is busy with something else is no failure.
PATIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

BARE: Final = {"bucket": "movies-r-us", "key": "movies.json"}
MARKS: Final = {
    "version_id": "3sL4kqtJlcpXroDTDmJ",
    "etag": "d41d8cd98f00b204e9800998ecf8427e",
    "sequencer": "0055AED6DCD90281E5",
    "event_time": "2026-11-24T08:00:00.000Z",
}

TEXTS: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
TIMES: Final = st.datetimes(
    datetime(1971, 1, 2),  # noqa: DTZ001  hypothesis wants bounds without a zone, and adds one
    datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
BODIES: Final = st.fixed_dictionaries(
    {"bucket": TEXTS, "key": TEXTS},
    optional={
        "version_id": st.none() | TEXTS,
        "etag": st.none() | TEXTS,
        "size": st.none() | st.integers(-1, 2**63),
        "sequencer": st.none() | st.text("0123456789abcdefABCDEFg", max_size=66),
        "event_time": st.none() | TIMES.map(datetime.isoformat) | TEXTS,
        "request_id": st.none() | TEXTS,
        "colour": TEXTS,
    },
)
JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", *BARE, *MARKS, "size"]), inner, max_size=9)
    ),
    max_leaves=10,
)
HEXADECIMAL: Final = st.text("0123456789abcdefABCDEF", min_size=1, max_size=SEQUENCER_DIGITS)


def faults_of(body: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        load_notification(body)
    return [path for path, _ in flatten_messages(caught.value)]


def is_accepted(body: dict[str, Any]) -> bool:
    try:
        load_notification(body)
    except ValidationError:
        return False
    return True


def test_the_seeds_two_fields_are_enough() -> None:
    notification = load_notification(BARE)
    assert notification == Notification(id=notification.id, bucket="movies-r-us", key="movies.json")


def test_every_bare_notification_is_an_event_of_its_own() -> None:
    assert load_notification(BARE).id != load_notification(BARE).id


@pytest.mark.parametrize("mark", MARKS)
def test_an_event_that_says_more_has_the_same_id_however_often_it_comes(mark: str) -> None:
    body = {**BARE, mark: MARKS[mark]}
    assert load_notification(body).id == load_notification(body).id


def test_the_id_of_an_event_never_changes() -> None:
    # It stands in the ledger and in addresses that were given away.
    expected = uuid.UUID("bd2322be-a931-5910-a5ec-106cc9bf6898")
    assert load_notification({**BARE, **MARKS}).id == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"bucket": "movies-r-them"},
        {"key": "movies.jso"},
        {"version_id": None},
        {"etag": "0" * 32},
        {"sequencer": "0055AED6DCD90281E6"},
        {"event_time": "2026-11-24T08:00:00.001Z"},
    ],
)
def test_another_event_has_another_id(changes: dict[str, Any]) -> None:
    event = {**BARE, **MARKS}
    assert load_notification({**event, **changes}).id != load_notification(event).id


def test_what_does_not_tell_events_apart_is_no_part_of_the_id() -> None:
    event = {**BARE, **MARKS}
    same = {**event, "size": 5, "request_id": "C3D13FE58DE4C810", "colour": "red"}
    assert load_notification(same).id == load_notification(event).id


@pytest.mark.parametrize("spelling", ["2026-11-24T08:00:00", "2026-11-24T09:00:00+01:00"])
def test_one_moment_spelled_in_two_ways_is_one_event(spelling: str) -> None:
    event = {**BARE, "event_time": "2026-11-24T08:00:00.000Z"}
    assert load_notification({**event, "event_time": spelling}).id == load_notification(event).id


def test_neighbouring_values_do_not_run_into_one_another() -> None:
    first = load_notification({"bucket": "ab", "key": "c", "etag": "d"})
    second = load_notification({"bucket": "a", "key": "bc", "etag": "d"})
    third = load_notification({"bucket": "ab", "key": "c", "version_id": "d"})
    assert len({first.id, second.id, third.id}) == 3


@PATIENT
@given(BODIES.filter(is_accepted))
@example({**BARE, **MARKS, "size": 0, "request_id": "C3D13FE58DE4C810"})
@example(BARE)
def test_a_notification_survives_its_journey_through_the_queue(body: dict[str, Any]) -> None:
    notification = load_notification(body)
    message = json.dumps(dump_notification(notification))
    assert load_notification(json.loads(message)) == notification


def test_what_is_not_known_is_not_sent() -> None:
    assert dump_notification(load_notification(BARE)).keys() == {"id", "bucket", "key"}


def test_what_the_queue_carries_is_what_a_notification_knows() -> None:
    body = {**BARE, **MARKS, "size": 5, "request_id": "C3D13FE58DE4C810"}
    known = {field.name for field in dataclasses.fields(Notification)}
    assert dump_notification(load_notification(body)).keys() == known


@PATIENT
@given(JSON_VALUES)
@example({**BARE, "event_time": "0001-01-01T00:00:00+23:59"})
@example({**BARE, "event_time": "9999-12-31T23:59:59-23:59"})
@example({**BARE, "event_time": "9998-12-31T23:59:59-23:59"})
@example({**BARE, "event_time": 1e308})
@example({**BARE, "id": [0]})
@example({**BARE, "key": "\ud83d"})
def test_any_body_is_a_notification_or_a_validation_error(body: Any) -> None:
    with contextlib.suppress(ValidationError):
        assert isinstance(load_notification(body), Notification)


@pytest.mark.parametrize(
    "key", [" ", "a b+c%2F.json", "e\u0301.json", "ä" * 512, "../../etc/passwd", "k\n", "\ufeff"]
)
def test_a_key_is_kept_exactly_as_it_is(key: str) -> None:
    assert load_notification({**BARE, "key": key}).key == key


@pytest.mark.parametrize(
    "key", ["", "a" * (KEY_MAX_BYTES + 1), "ä" * 513, "a\0b", "\ud83d", None, 5, ["movies.json"]]
)
def test_a_key_that_s3_cannot_have_is_refused(key: Any) -> None:
    assert faults_of({**BARE, "key": key}) == ["key"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"bucket": None}, "bucket"),
        ({"bucket": " "}, "bucket"),
        ({"version_id": ""}, "version_id"),
        ({"etag": 5}, "etag"),
        ({"size": -1}, "size"),
        ({"size": 2**63}, "size"),
        ({"size": "5"}, "size"),
        ({"sequencer": ""}, "sequencer"),
        ({"sequencer": "0055AED6\n"}, "sequencer"),
        ({"sequencer": "x"}, "sequencer"),
        ({"sequencer": "0" * (SEQUENCER_DIGITS + 1)}, "sequencer"),
        ({"event_time": "yesterday"}, "event_time"),
        ({"event_time": "1970-12-31T23:59:59Z"}, "event_time"),
        ({"event_time": "9999-01-01T00:00:00Z"}, "event_time"),
        ({"request_id": "r" * 201}, "request_id"),
        ({"id": "not a UUID"}, "id"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(changes: dict[str, Any], path: str) -> None:
    assert faults_of({**BARE, **changes}) == [path]


@pytest.mark.parametrize("body", [None, 5, "movies.json", [], [BARE]])
def test_what_is_no_object_is_no_notification(body: Any) -> None:
    assert faults_of(body) == [""]


def by_the_rule_of_s3(first: str, second: str) -> bool:
    """Says whether `first` is before `second`: the shorter one is padded, then they compare."""
    length = max(len(first), len(second))
    return first.upper().ljust(length, "0") < second.upper().ljust(length, "0")


@PATIENT
@given(HEXADECIMAL, HEXADECIMAL)
@example("0055AED6DCD90281E5", "0055AED6DCD90281E6")
@example("0055AED6DCD9", "0055AED6DCD90281E6")
@example("0055aed6dcd90281e5", "0055AED6DCD90281E6")
@example("F", "10")
@example("1", "1000")
def test_sequencers_compare_as_text_the_way_s3_says(first: str, second: str) -> None:
    padded = padded_sequencer(first) < padded_sequencer(second)
    assert padded == by_the_rule_of_s3(first, second)


@pytest.mark.parametrize("missing", [None, ""])
def test_an_event_without_a_sequencer_is_before_every_other(missing: str | None) -> None:
    assert padded_sequencer(missing) < padded_sequencer("0")
