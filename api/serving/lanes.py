"""Threads for each kind of request, so that no other kind can take all of them."""

import collections
import dataclasses
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from api.bodies import NOTIFICATIONS
from api.serving.connection import Connection
from api.settings import SEARCHING

_NOTIFYING: Final = 4


@dataclasses.dataclass
class _Wait:
    """A request's wait for a thread. A connection has a new one for each of its requests."""

    since: float  # of the monotonic clock
    is_over: bool = False


class Lane:
    """Some threads for requests of one kind, so that no other kind can take all threads.

    At most `waiting` requests wait for one of them; and where the first of those has waited for
    `seconds`, no other begins to.
    """

    def __init__(self, threads: int, *, waiting: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self._most_waiting = waiting
        self._seconds = seconds
        self._waiting = collections.deque[_Wait]()

    def has_room(self, now: float) -> bool:
        """Whether another request would be served at once, or a moment later."""
        while self._waiting and self._waiting[0].is_over:
            self._waiting.popleft()
        if not self._waiting:
            return True
        stuck = now - self._waiting[0].since > self._seconds
        return not stuck and len(self._waiting) < self._most_waiting

    def submit(self, serve: Callable[[Connection], bool], connection: Connection) -> "Future[bool]":
        """Has a thread serve a request."""
        wait = _Wait(connection.arrived)
        self._waiting.append(wait)
        return self._pool.submit(_end_wait, wait, serve, connection)

    def shutdown(self) -> None:
        """Lets the threads end."""
        self._pool.shutdown(wait=False)


def _end_wait(wait: _Wait, serve: Callable[[Connection], bool], connection: Connection) -> bool:
    wait.is_over = True
    return serve(connection)


class Lanes:
    """All the threads of a process; gunicorn takes them for its one pool."""

    def __init__(self) -> None:
        # Who searches is better told at once to come again.
        self.searches = Lane(SEARCHING, waiting=64, seconds=0.5)
        # A notifier would come again after a minute: many uploads at once had better wait here.
        self.notifications = Lane(_NOTIFYING, waiting=200, seconds=5)
        self.live = Lane(1, waiting=32, seconds=1)
        self.light = Lane(1, waiting=64, seconds=1)  # what reads no movies

    def of(self, path: str) -> Lane:
        """Returns the lane of the requests for a path."""
        if path == NOTIFICATIONS:
            return self.notifications
        if path == "/health/live":
            return self.live
        if path.startswith(("/health/", "/ui/static/", "/docs", "/openapi.json", "/robots.txt")):
            return self.light
        return self.searches

    def shutdown(self, wait: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  gunicorn's call
        """Lets all threads end."""
        for lane in (self.searches, self.notifications, self.live, self.light):
            lane.shutdown()
