"""How long the present request may still take, and whether its client still waits.

Each thread serves one request at a time. Where nothing serves, as in a test or a command, there is
no bound.
"""

import contextlib
import contextvars
import dataclasses
import socket
import time
from collections.abc import Iterator
from typing import Final

# From the last byte of a request to its response. Each statement has a bound of its own.
REQUEST_SECONDS: Final = 5


@dataclasses.dataclass
class Served:
    """A request that is being served: its end on the monotonic clock, and its client's socket."""

    until: float
    client: socket.socket
    client_is_gone: bool = False

    @property
    def seconds_left(self) -> float:
        """How long it may still take: less than nothing where it is late."""
        return self.until - time.monotonic()


_present: Final = contextvars.ContextVar["Served | None"]("served", default=None)


@contextlib.contextmanager
def serving_request(arrived: float, client: socket.socket) -> Iterator[None]:
    """Bounds what this thread does within. `arrived` is of the monotonic clock."""
    token = _present.set(Served(arrived + REQUEST_SECONDS, client))
    try:
        yield
    finally:
        _present.reset(token)


def present_request() -> Served | None:
    """Returns the request that this thread serves."""
    return _present.get()
