"""How things look: tables that fit a terminal, numbers and times for people, JSON for programs.

Keys, messages and records come from outside and may hold anything: what is no printable character
is shown by its number, so that no file can talk to the operator's terminal.
"""

import dataclasses
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.imports import ImportStatus
from worker.reporting import Row

STYLES: Final = {
    ImportStatus.QUEUED: "yellow",
    ImportStatus.RUNNING: "cyan",
    ImportStatus.SUCCEEDED: "green",
    ImportStatus.FAILED: "red",
    ImportStatus.SUPERSEDED: "dim",
    ImportStatus.UNDONE: "magenta",
}
_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"))
_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")
_COUNTS: Final = ("inserted", "updated", "unchanged", "stale", "repeated", "rejected")


def printable(text: str) -> str:
    """Returns a text that does nothing to a terminal but stand there, on one line."""
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape", "backslashreplace").decode("ascii")


def plain(text: object, style: str = "") -> Text:
    """Returns a text for a table's cell, with no markup read into it."""
    return Text(printable(str(text)), style=style)


def place(row: Mapping[str, Any]) -> str:
    """Returns where an import's object is, as other tools write it. Not fit to print as it is."""
    return f"s3://{row['bucket']}/{row['key']}"


def short(import_id: uuid.UUID) -> str:
    """Returns the beginning of an id, which is enough for people and for these commands."""
    return str(import_id)[:8]


def number(count: int) -> str:
    """Returns a number as people read it."""
    return f"{count:,}"


def brief(count: float) -> str:
    """Returns a number in few characters: 2,500, 24k, 4.6M."""
    if count < 10_000:
        return f"{count:,.0f}"
    return f"{count / 1000:,.0f}k" if count < 1_000_000 else f"{count / 1_000_000:,.1f}M"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Returns `1 movie`, `2 movies`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def size(count: float) -> str:
    """Returns bytes in the unit that fits them, by thousands."""
    step = 0
    while count >= 1000 and step < len(_UNITS) - 1:
        count /= 1000
        step += 1
    return f"{count:,.1f} {_UNITS[step]}" if step else f"{count:,.0f} {_UNITS[0]}"


def lasting(seconds: float) -> str:
    """Returns a time span, by its largest unit: 42 s, 3 m, 2 h, 5 d."""
    for length, unit in _STEPS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def ago(moment: datetime | None) -> str:
    """Returns how long ago a moment was."""
    return "" if moment is None else f"{lasting((datetime.now(UTC) - moment).total_seconds())} ago"


def told_status(status: ImportStatus) -> Text:
    """Returns a status in its colour."""
    return Text(status.value, style=STYLES[status])


def counts(row: Mapping[str, Any]) -> str:
    """Returns what became of the records that an import read."""
    parts = [f"{row[name]:,} {name}" for name in _COUNTS if row[name]]
    return f"{counted(row['read'], 'record')} read" + "".join(f", {part}" for part in parts)


def make_table(*columns: str, right: Iterable[str] = ()) -> Table:
    """Returns a table without lines, whose longest texts are folded where they do not fit."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        justify: Any = "right" if name in right else "left"
        table.add_column(name, justify=justify, overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """Adds a row, with no markup read into it."""
    table.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in cells))


def make_facts(facts: Iterable[tuple[str, Any]]) -> Table:
    """Returns names and values beside each other, without those that have none."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, ""):
            add_row(table, name, value)
    return table


def print_json(value: Any) -> None:
    """Prints one JSON value on one line."""
    click.echo(json.dumps(value, default=_for_json))


def print_table(console: Console, table: Table, *, nothing: str) -> None:
    """Prints a table, or what to say where it has no rows."""
    if table.row_count:
        console.print(table)
    else:
        console.print(nothing, markup=False, soft_wrap=True)


def _for_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value)} is nothing that JSON has")


def moment_of(value: datetime | None) -> str:
    """Returns a moment in UTC, to the second, and how long ago it was."""
    if value is None:
        return ""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC ({ago(value)})"


def how_it_ended(row: Row) -> str:
    """Returns an import's end in one line."""
    said = f": {row['error']}" if row["error"] else ""
    return f"{short(row['id'])} {place(row)} {row['status']}, {counts(row)}{said}"
