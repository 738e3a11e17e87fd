"""What the demo shows: lines that stay, and on a terminal one more that says what goes on."""

import time
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table
from rich.text import Text

from schemas.imports import ImportStatus

_WIDTH: Final = 100
_SHOWN_MOVIES: Final = 3
_COUNTS: Final = ("inserted", "updated", "unchanged", "stale", "repeated", "rejected")


class Screen:
    """Writes to a console of rich's, which knows whether it is a terminal, and how wide."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._since = time.monotonic()

    @classmethod
    def standard(cls) -> Self:
        """Returns a screen on standard output."""
        console = Console(highlight=False)
        console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
        return cls(console)

    def doing(self, what: str) -> None:
        """Says what goes on now: in a line that does not stay, or where there is no such, in one
        that does.
        """
        if not self._console.is_terminal:
            self._console.print(f"  {what} ...", markup=False)
        elif self._status is None:
            self._status = self._console.status(escape(what))
            self._status.start()
        else:
            self._status.update(escape(what))

    def done(self, what: str) -> None:
        """Says what is done, and how long it took since the last such line."""
        now = time.monotonic()
        mark = "\N{CHECK MARK}" if self._speaks_unicode else "+"
        self._console.print(
            f"[green]{mark}[/] {escape(what)} [dim]({now - self._since:.1f} s)[/]", soft_wrap=True
        )
        self._since = now

    def progress(self, done: int, total: int, imports: list[dict[str, Any]]) -> None:
        """Says how far the imports are. Without a terminal, the lines of `imported` say that."""
        if not self._console.is_terminal:
            return
        records = sum(found["records_so_far"] for found in imports)
        self.doing(f"Importing: {done} of {total} files done, {records} records read")

    def imported(self, found: dict[str, Any]) -> None:
        """Shows how one import ended."""
        good = found["status"] == ImportStatus.SUCCEEDED
        line = Text("  ")
        line.append(f"{found['key']:<18}")
        line.append(f"{found['status']:<10}", style="green" if good else "yellow")
        line.append(f"{found['read']:>4} read")
        counts = [f"{found[name]} {name}" for name in _COUNTS if found[name]]
        line.append("".join(f", {count}" for count in counts))
        self._console.print(line, soft_wrap=True)
        if not good:
            reason = f"{'':<20}{found['error_code']}: {found['error']}"
            self._console.print(reason, style="dim", markup=False, soft_wrap=True)

    def movies(self, query: str, movies: list[dict[str, Any]]) -> None:
        """Shows an answer: the first few movies, and how many there are."""
        self._pause_status()
        self._console.print(f"\n[bold]GET /movies?{escape(query)}[/]", soft_wrap=True)
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(width=6, justify="right")
        for ratio, style in ((4, ""), (5, "dim"), (3, "dim")):
            table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis", style=style)
        table.expand = True
        for movie in movies[:_SHOWN_MOVIES]:
            texts = (movie["title"], _names(movie["cast"], query), ", ".join(movie["genres"]))
            table.add_row(str(movie["year"]), *map(escape, texts))
        self._console.print(table)
        more = len(movies) - _SHOWN_MOVIES
        if more > 0:
            self._console.print(f"{'':<8}and {more} more", style="dim")

    def last_words(self, name: str, lines: list[str]) -> None:
        """Shows the end of a process' log, for whoever looks for a reason."""
        self._pause_status()
        if lines:
            self._console.print(f"\nThe last lines of {name}:", style="bold", soft_wrap=True)
        for line in lines:
            self._console.print(f"  {line}", markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leaves nothing on the terminal but the lines that stay."""
        self._pause_status()

    def _pause_status(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    @property
    def _speaks_unicode(self) -> bool:
        return "utf" in self._console.encoding


def _names(cast: list[str], query: str) -> str:
    """Returns the cast, or of it those whom the query asks for, which tells why a movie is here."""
    wanted = dict(parse_qsl(query)).get("actor", "").casefold()
    return ", ".join(name for name in cast if wanted in name.casefold())
