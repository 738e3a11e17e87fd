"""How many costly searches run at once in this process, so that cheap ones always find a way.

A search is costly once a query says so, by what it is estimated to read. It then holds one of a few
places until its question to the database ends. Where all are taken, and so are those for waiting,
it is rejected at once.
"""

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import Final

from api.deadline import present_request
from api.errors import BusyError

_WAIT_SECONDS: Final = 3.0


class Gate:
    """Places for costly searches: `at_once` that run, and others that are `waiting` for those."""

    def __init__(self, at_once: int, *, waiting: int) -> None:
        self._running = threading.BoundedSemaphore(at_once)
        self._inside = threading.BoundedSemaphore(at_once + waiting)

    def enter(self) -> None:
        """Takes a place, perhaps after a wait. Raises BusyError."""
        if not self._inside.acquire(blocking=False):
            raise BusyError
        request = present_request()
        seconds = _WAIT_SECONDS if request is None else max(0.0, request.seconds_left)
        if not self._running.acquire(timeout=min(_WAIT_SECONDS, seconds)):
            self._inside.release()
            raise BusyError

    def leave(self) -> None:
        """Gives a place back."""
        self._running.release()
        self._inside.release()

    @contextlib.contextmanager
    def question(self) -> Iterator[None]:
        """Lets the queries within take a place when they find that they are costly."""
        visit = _Visit(self)
        token = _present.set(visit)
        try:
            yield
        finally:
            _present.reset(token)
            if visit.has_place:
                self.leave()


class _Visit:
    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.has_place = False


_present: Final = contextvars.ContextVar["_Visit | None"]("visit", default=None)


def admit_costly() -> None:
    """Takes a place for the present question, which has turned out to be costly, unless it has one.

    Raises BusyError.
    """
    visit = _present.get()
    if visit is not None and not visit.has_place:
        visit.gate.enter()
        visit.has_place = True
