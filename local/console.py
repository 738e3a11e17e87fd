"""Where the output of the stack's processes goes: to the terminal with their names, or to files."""

import contextlib
import os
import selectors
import threading
from pathlib import Path
from typing import IO, Final, Protocol

from local.log_lines import render

_NAME_WIDTH: Final = 8  # of "postgres" and "notifier"
_READ_BYTES: Final = 65536
_COLOURS: Final = {"postgres": 34, "aws": 33, "notifier": 35, "api": 36, "worker": 32}
_GREY: Final = 90


class Output(Protocol):
    """What a supervisor needs to know of a place for output."""

    def open(self, name: str) -> int:
        """Returns a file descriptor for a process to write to. The caller closes its copy."""

    def last_lines(self, name: str, count: int) -> list[str]:
        """Returns what a process wrote last, where that is not on the screen already."""

    def close(self) -> None:
        """Writes what is still on its way."""


class Terminal:
    """Prints each line with the name of the process that wrote it before it, aligned.

    Colours are for terminals, and for those who did not set NO_COLOR (no-color.org).
    """

    def __init__(self, stream: IO[str], *, coloured: bool) -> None:
        self._stream = stream
        self._coloured = coloured
        self._selector = selectors.DefaultSelector()
        self._bell, ring = os.pipe()  # wakes the reading thread when there is a new source
        self._ring = os.fdopen(ring, "wb", buffering=0)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._closing = False
        self._thread = threading.Thread(target=self._read, name="console", daemon=True)
        self._thread.start()

    def open(self, name: str) -> int:
        """See Output."""
        reading, writing = os.pipe()
        self._selector.register(reading, selectors.EVENT_READ, _Source(name))
        self._ring.write(b"+")
        return writing

    def last_lines(self, name: str, count: int) -> list[str]:  # noqa: ARG002  all were printed
        """See Output."""
        return []

    def close(self) -> None:
        """See Output. All processes must have ended: their ends of the pipes are waited for."""
        self._closing = True
        self._ring.write(b".")
        self._thread.join(timeout=2)
        self._ring.close()

    def _read(self) -> None:
        while not (self._closing and len(self._selector.get_map()) == 1):
            for key, _ in self._selector.select():
                if key.data is None:
                    os.read(key.fd, _READ_BYTES)
                else:
                    self._take(key.fd, key.data)
        self._selector.close()
        os.close(self._bell)

    def _take(self, descriptor: int, source: "_Source") -> None:
        piece = os.read(descriptor, _READ_BYTES)
        for line in source.lines(piece):
            self._print(source.name, line)
        if not piece:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _print(self, name: str, line: str) -> None:
        prefix = f"{name:<{_NAME_WIDTH}} | "
        if self._coloured:
            prefix = f"\x1b[{_COLOURS.get(name, _GREY)}m{prefix}\x1b[0m"
        text = "".join(f"{prefix}{part}\n" for part in render(line, coloured=self._coloured))
        # Nobody may be there to read: the terminal is closed, or `head` has seen enough.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class Files:
    """Keeps the output of each process in a file of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def open(self, name: str) -> int:
        """See Output."""
        return os.open(self.path(name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def path(self, name: str) -> Path:
        """Returns the file of a process."""
        return self._folder / f"{name}.log"

    def last_lines(self, name: str, count: int) -> list[str]:
        """See Output."""
        if not self.path(name).exists():
            return []
        written = self.path(name).read_text(errors="replace").splitlines()
        return [shown for line in written[-count:] for shown in render(line)][-count:]

    def close(self) -> None:
        """See Output. Nothing is on its way: the processes write to the files themselves."""


class _Source:
    """Cuts what one process writes into lines; the last one may lack its end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rest = b""

    def lines(self, piece: bytes) -> list[str]:
        """Takes the next piece, an empty one at the end, and returns the lines that are whole.

        Lines with nothing on them are left out.
        """
        *whole, self._rest = (self._rest + piece).split(b"\n")
        if not piece and self._rest:
            whole.append(self._rest)
        return [line.decode(errors="replace").rstrip() for line in whole if line.strip()]
