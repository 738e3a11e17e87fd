"""Turns the rooms' log lines, JSON for machines, into lines for a person at a terminal."""

import datetime as dt
import json
import re
from typing import Any, Final

_BARE: Final = re.compile(r"[^\s\"=]+")
# What is shown elsewhere in the line, and the long id by which machines put lines together.
_LEFT_OUT: Final = frozenset(
    {"timestamp", "level", "event", "room", "logger", "request_id", "exception", "exc_info"}
)
_BOLD: Final = "1"
_DIM: Final = "2"
_LEVEL_COLOURS: Final = {"warning": "33", "error": "31", "critical": "31"}


def render(line: str, *, coloured: bool = False) -> list[str]:
    """Returns the lines to show for one that a process wrote; what is no log line stays as it is.

    A log line becomes its local time, its level unless that is info, the event and its fields.
    """
    entry = _parse(line)
    if entry is None:
        return [line]
    level = str(entry.get("level", "info"))
    fields = [f"{name}={_value(entry[name])}" for name in entry if name not in _LEFT_OUT]
    words = [
        _clock(entry.get("timestamp")),
        "" if level == "info" else _paint(level.upper(), _LEVEL_COLOURS.get(level), coloured),
        _paint(str(entry["event"]), _BOLD, coloured),
        _paint(" ".join(fields), _DIM, coloured) if fields else "",
    ]
    return [" ".join(word for word in words if word), *_trace(entry.get("exception"))]


def _parse(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "event" in entry else None


def _clock(timestamp: Any) -> str:
    try:
        moment = dt.datetime.fromisoformat(str(timestamp))
    except ValueError:
        return ""
    return moment.astimezone().strftime("%H:%M:%S")


def _value(value: Any) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _paint(text: str, colour: str | None, coloured: bool) -> str:  # noqa: FBT001  private
    return f"\x1b[{colour}m{text}\x1b[0m" if coloured and colour else text


def _trace(exceptions: Any) -> list[str]:
    """Returns the traceback that structlog's dict_tracebacks made, innermost exception last."""
    if not isinstance(exceptions, list):
        return []
    lines = []
    for exception in reversed(exceptions):
        lines += [
            f"    {frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}"
            for frame in exception.get("frames", [])
        ]
        lines.append(f"    {exception.get('exc_type')}: {exception.get('exc_value')}")
    return lines
