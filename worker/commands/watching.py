"""imports watch: a bar for each import that is under way, until it ends.

It looks at the ledger twice a second; the workers write there, once a second, how far they are.
"""

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any, Final, Protocol

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from schemas.imports import ImportStatus
from worker import reporting
from worker.commands import parameters, screen
from worker.commands.desk import Desk, at_the_desk
from worker.database import Database
from worker.reporting import UNDER_WAY, Row

_LOOK_SECONDS: Final = 0.5
_INTERRUPTED: Final = 130  # as shells count SIGINT
_NAME_CHARACTERS: Final = 20

Shown = dict[uuid.UUID, Row]


class _Display(Protocol):
    def show(self, row: Row) -> None: ...

    def end(self, row: Row) -> None: ...


@click.command("watch")
@click.argument("import_id", metavar="[ID]", required=False, type=parameters.Reference())
@at_the_desk
def watch(desk: Desk, *, import_id: str | None) -> None:
    """Watch imports until they end: all that are queued or running, or the one that ID names.

    On a terminal, a bar for each with records, bytes, rate and time left; elsewhere, a line
    whenever something changes. Exit code 1 when a watched import failed, 130 after Ctrl-C, which
    ends the watching alone.

    \b
    Examples:
      celery -A worker.app imports watch
      celery -A worker.app imports watch s3://movies-r-us/movies-2010s.json
    """
    try:
        with desk.database() as database, _display(desk.console) as display:
            ended = _watch(database, import_id, display)
    except KeyboardInterrupt:
        desk.say("No longer watching. The imports go on.")
        raise click.exceptions.Exit(_INTERRUPTED) from None
    if not ended:
        desk.say("No import is queued or running.")
    if any(row["status"] is ImportStatus.FAILED for row in ended):
        raise click.exceptions.Exit(1)


def _watch(database: Database, reference: str | None, display: _Display) -> list[Row]:
    """Shows imports until none of them is under way, and returns how they ended."""
    watched = _find(database, reference)
    ended: list[Row] = []
    while True:
        with database.connect() as ledger:
            rows = reporting.list_under_way(ledger, watched)
        if reference is not None:
            rows = [row for row in rows if row["id"] in watched]
        for row in rows:
            if row["status"] in UNDER_WAY:
                display.show(row)
            else:
                display.end(row)
                ended.append(row)
        watched = [row["id"] for row in rows if row["status"] in UNDER_WAY]
        if not watched:
            return ended
        time.sleep(_LOOK_SECONDS)


def _find(database: Database, reference: str | None) -> list[uuid.UUID]:
    if reference is None:
        return []
    with database.connect() as ledger:
        return [reporting.find(ledger, reference)["id"]]


@contextlib.contextmanager
def _display(console: Console) -> Iterator[_Display]:
    if not console.is_terminal or console.is_dumb_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[done]}", markup=False, justify="right"),
        TextColumn("{task.fields[rate]}", markup=False, justify="right"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, expand=True, refresh_per_second=5) as progress:
        yield _Bars(progress)


class _Bars:
    """A bar for each import, and above them a line for each that has ended."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[uuid.UUID, TaskID] = {}

    def show(self, row: Row) -> None:
        task = self._tasks.get(row["id"])
        total = row["size"] or None
        if task is None:
            task = self._progress.add_task(_name(row), total=total, done="", rate="")
            self._tasks[row["id"]] = task
        read = row["bytes_so_far"]
        self._progress.update(
            task, total=total, completed=read, done=_briefly_done(row), rate=_rate(row)
        )

    def end(self, row: Row) -> None:
        task = self._tasks.pop(row["id"], None)
        if task is not None:
            self._progress.update(task, completed=row["bytes_so_far"], done=_briefly_done(row))
            self._progress.refresh()
            self._progress.remove_task(task)
        line = screen.plain(screen.how_it_ended(row), screen.STYLES[row["status"]])
        self._progress.console.print(line, soft_wrap=True)


class _Lines:
    """A line whenever something changes, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[uuid.UUID, str] = {}

    def show(self, row: Row) -> None:
        share = f" of {screen.size(row['size'])}" if row["size"] else ""
        line = f"{screen.short(row['id'])} {screen.place(row)} {row['status']}, {_done(row)}{share}"
        if self._last.get(row["id"]) != line:
            self._last[row["id"]] = line
            self._print(line)

    def end(self, row: Row) -> None:
        self._print(screen.how_it_ended(row))

    def _print(self, line: str) -> None:
        self._console.print(screen.printable(line), markup=False, soft_wrap=True)


def _name(row: Row) -> str:
    key = screen.printable(row["key"])
    if len(key) > _NAME_CHARACTERS:
        key = "…" + key[1 - _NAME_CHARACTERS :]
    return f"{screen.short(row['id'])} {key}"


def _done(row: Row) -> str:
    if row["status"] is ImportStatus.QUEUED:
        return "queued"
    return f"{screen.size(row['bytes_so_far'])}, {screen.counted(row['records_so_far'], 'record')}"


def _briefly_done(row: Row) -> str:
    if row["status"] is ImportStatus.QUEUED:
        return "queued"
    return f"{screen.size(row['bytes_so_far'])}, {screen.brief(row['records_so_far'])} records"


def _rate(row: Row) -> str:
    seconds: Any = time.time() - row["started_at"].timestamp()
    if row["status"] is ImportStatus.QUEUED or not row["records_so_far"] or seconds <= 0:
        return ""
    return f"{screen.brief(row['records_so_far'] / seconds)}/s"
