"""What may be asked of the ledger; every example in a schema's documentation is tried here."""

import base64
import json
import uuid
from datetime import UTC, datetime

import pytest
from marshmallow import ValidationError

from api.listing import BadRecordsSearchSchema, LedgerCursor, LedgerSearchSchema

ID = "6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11"


@pytest.mark.parametrize(
    "query",
    [{"status": "failed"}, {"bucket": "movies-r-us", "prefix": "incoming/", "limit": "5"}, {}],
)
def test_what_may_be_asked(query: dict[str, str]) -> None:
    LedgerSearchSchema().load(query)


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"status": "FAILED"},
        {"limit": "0"},
        {"bucket": ""},
        {"prefix": "a\0b"},
        {"prefix": "x" * 1025},
        {"cursor": "forged"},
    ],
)
def test_what_may_not_be_asked(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as raised:
        LedgerSearchSchema().load(query)
    assert list(raised.value.messages) == list(query)


def test_keys_are_searched_exactly_as_they_are_written() -> None:
    prefix = " Ame\u0301lie/"
    assert LedgerSearchSchema().load({"prefix": prefix})["prefix"] == prefix


def test_bad_records_are_asked_for_by_position() -> None:
    loaded = BadRecordsSearchSchema().load({"after": "20", "limit": "100"})
    assert loaded == {"after": 20, "limit": 100}
    with pytest.raises(ValidationError, match="after"):
        BadRecordsSearchSchema().load({"after": "-1"})


def test_a_cursor_comes_back_as_it_went_out() -> None:
    cursor = LedgerCursor(datetime(2026, 11, 24, 8, 0, 0, 123456, UTC), uuid.UUID(ID))
    assert LedgerCursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize(
    "content",
    [
        ["2026-11-24T08:00:00+00:00"],
        ["2026-11-24T08:00:00", ID],
        ["9999-12-31T23:59:59-12:00", ID],
        ["0001-01-01T00:00:00+14:00", ID],
        ["yesterday", ID],
        [1, ID],
        ["2026-11-24T08:00:00+00:00", 1],
        ["2026-11-24T08:00:00+00:00", "x"],
        {"a": 1, "b": 2},
        None,
    ],
)
def test_a_forged_cursor_is_refused(content: object) -> None:
    forged = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    with pytest.raises(ValueError):  # noqa: PT011  what it says is not shown to anyone
        LedgerCursor.decode(forged)
