"""What the terminal makes of the rooms' log lines."""

import datetime as dt
import json
from typing import Any

from local.log_lines import render


def make_line(**changes: Any) -> str:
    entry = {
        "timestamp": "2026-11-24T08:00:00.123Z",
        "level": "info",
        "event": "request served",
        "room": "api",
        "logger": "api.observe",
        "request_id": "1b9d6bcd",
        "status": 200,
    }
    return json.dumps(entry | changes)


def local_clock() -> str:
    moment = dt.datetime(2026, 11, 24, 8, 0, 0, tzinfo=dt.UTC)
    return moment.astimezone().strftime("%H:%M:%S")


def test_a_log_line_becomes_time_event_and_fields():
    assert render(make_line()) == [f"{local_clock()} request served status=200"]


def test_a_level_above_info_is_named():
    assert render(make_line(level="error")) == [f"{local_clock()} ERROR request served status=200"]


def test_values_with_spaces_are_quoted():
    assert render(make_line(key="a b.json"))[0].endswith('status=200 key="a b.json"')


def test_a_traceback_follows_in_lines_of_its_own():
    frames = [{"filename": "worker/store.py", "lineno": 12, "name": "store"}]
    exception = [{"exc_type": "ValueError", "exc_value": "no", "frames": frames}]
    assert render(make_line(exception=exception))[1:] == [
        "    worker/store.py:12 in store",
        "    ValueError: no",
    ]


def test_what_is_no_log_line_stays_as_it_is():
    for line in ("plain", "{not json", '{"json": "but no log line"}', "[1]", ""):
        assert render(line) == [line]


def test_colours_are_there_only_where_they_are_wanted():
    assert "\x1b[" not in render(make_line(level="error"))[0]
    assert "\x1b[31mERROR\x1b[0m" in render(make_line(level="error"), coloured=True)[0]
