"""Clients that ask for what they need, at a steady rate, and how each of their requests ended."""

import contextlib
import dataclasses
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

_TIMEOUT_SECONDS: Final = 20
_PROBE_SECONDS: Final = 0.25
_NOTIFY_SECONDS: Final = 0.5


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request: when it was sent, how long it took, and its status, 0 where none came back."""

    at: float
    status: int
    seconds: float


def notification(secret: str) -> tuple[dict[str, str], bytes]:
    """Returns the headers and the body of a signed notification."""
    body = json.dumps({"bucket": "movies-r-us", "key": "honest.json"}).encode()
    moment = int(time.time())
    return {
        "Content-Type": "application/json",
        TIMESTAMP_HEADER: str(moment),
        SIGNATURE_HEADER: sign(secret, moment, body),
    }, body


def ask(
    port: int, method: str, target: str, *, body: bytes | None = None, headers: Any = ()
) -> Asked:
    """Asks once, over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    began = time.monotonic()
    try:
        connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        response.read()
        status = response.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Asked(began, status, time.monotonic() - began)


class Steady:
    """Asks one thing after another in a thread: `every` so many seconds, late or not at all."""

    def __init__(self, ask: Callable[[], Asked], every: float) -> None:
        self.asked: list[Asked] = []
        self._ask, self._every = ask, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Steady":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def slowest(self) -> float:
        """The longest that a request took, in seconds."""
        return max(each.seconds for each in self.asked)

    @property
    def statuses(self) -> dict[int, int]:
        """How many responses had each status."""
        return {
            status: sum(each.status == status for each in self.asked)
            for status in sorted({each.status for each in self.asked})
        }

    def _run(self) -> None:
        following = time.monotonic()
        while not self._stop.wait(max(0.0, following - time.monotonic())):
            self.asked.append(self._ask())
            following = max(following + self._every, time.monotonic())


@dataclasses.dataclass(frozen=True)
class Honest:
    """What honest clients do at the same time: probe, search and notify."""

    live: Steady
    search: Steady
    notify: Steady


@contextlib.contextmanager
def honest_clients(
    port: int, probe_port: int, secret: str, search: Iterator[str], *, every: float = 0.5
) -> Iterator[Honest]:
    """Has honest clients at work while the block runs; `search` yields what they ask for."""

    def notify() -> Asked:
        headers, body = notification(secret)
        return ask(port, "POST", "/notifications", body=body, headers=headers)

    honest = Honest(
        Steady(lambda: ask(probe_port, "GET", "/health/live"), _PROBE_SECONDS),
        Steady(lambda: ask(port, "GET", next(search)), every),
        Steady(notify, _NOTIFY_SECONDS),
    )
    with honest.live, honest.search, honest.notify:
        yield honest
