"""One stack at a time in a folder: a file lock, which is free again however its holder ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class AlreadyRunningError(Exception):
    """A stack is running here already; `process` is its supervisor, where that is known."""

    def __init__(self, process: int | None) -> None:
        if process is None or _exists(process):
            known = f" as process {process}" if process else ""
            advice = f"is running already{known}. Stop it with Ctrl-C where it runs."
        else:
            advice = f"was killed (process {process}) and is being stopped. Try again in a moment."
        super().__init__(f"The stack {advice}")
        self.process = process


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[int]:
    """Holds the lock, and yields its file descriptor: a process that inherits it holds it too.

    Raises AlreadyRunningError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def lock_owner(path: Path) -> int | None:
    """Returns the number of the process that holds the lock, or None where nobody does."""
    if not path.exists():
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _take(descriptor, fcntl.LOCK_SH)
    except AlreadyRunningError as error:
        return error.process
    finally:
        os.close(descriptor)
    return None


def _take(descriptor: int, kind: int) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        words = os.pread(descriptor, 32, 0).split()
        raise AlreadyRunningError(int(words[0]) if words else None) from None


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    return True
