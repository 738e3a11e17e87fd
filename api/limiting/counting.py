"""Counts the requests of each client in fixed windows, in the memory of this process.

The package limits has a storage in memory of its own. It grows with every client that there ever
was in a window, without end, and looks at all of them a hundred times a second.
"""

import collections
import dataclasses
import math
import threading
import time
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from api.limiting.settings import Rate

# What this process remembers at the most: some 20 MB.
MAX_CLIENTS: Final = 50_000


@dataclasses.dataclass(frozen=True)
class Quota:
    """What a client has left in its window, which ends in `reset_seconds`."""

    allowed: bool
    remaining: int
    reset_seconds: int


@dataclasses.dataclass(slots=True)
class _Window:
    ends: float
    count: int = 0


class BoundedMemory(Storage):
    """Windows by client, all of the same length: where there is no room, the oldest one goes.

    A client whose window goes early starts a new one. That takes so many clients that a limit for
    each of them does not help any more.
    """

    def __init__(self, room: int = MAX_CLIENTS) -> None:
        super().__init__()
        self._room = room
        self._windows: collections.OrderedDict[str, _Window] = collections.OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing outside can fail."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Counts a request, in a new window of `expiry` seconds where there is none."""
        with self._lock:
            now = time.time()
            window = self._windows.get(key)
            if window is None or window.ends <= now:
                window = self._start(key, now, expiry)
            window.count += amount
            return window.count

    def get(self, key: str) -> int:
        """Returns how many requests the window has."""
        with self._lock:
            window = self._windows.get(key)
            return window.count if window and window.ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Returns when the window ends, in seconds since 1970."""
        with self._lock:
            window = self._windows.get(key)
            return window.ends if window else time.time()

    def check(self) -> bool:
        """Whether there is a storage at all."""
        return True

    def clear(self, key: str) -> None:
        """Forgets a client."""
        with self._lock:
            self._windows.pop(key, None)

    def reset(self) -> int:
        """Forgets all clients, and returns how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
            return count

    def _start(self, key: str, now: float, seconds: float) -> _Window:
        self._windows.pop(key, None)
        # As windows are of one length, they end in the order in which they started. Two at a time,
        # so that what has ended goes faster than anything comes, and no request waits for it.
        for _ in range(2):
            oldest = next(iter(self._windows.values()), None)
            if oldest and (oldest.ends <= now or len(self._windows) >= self._room):
                self._windows.popitem(last=False)
        window = self._windows[key] = _Window(now + seconds)
        return window


class Counter:
    """Counts by the strategy "fixed window": a client's first request starts its window."""

    def __init__(self, rate: Rate, storage: Storage | None = None) -> None:
        self._item = RateLimitItemPerSecond(rate.requests, rate.window_seconds)
        self._limiter = FixedWindowRateLimiter(BoundedMemory() if storage is None else storage)

    def count(self, client: str) -> Quota:
        """Counts a request of a client, and returns what it has left."""
        allowed = self._limiter.hit(self._item, client)
        stats = self._limiter.get_window_stats(self._item, client)
        # A rejected client waits for a second at least, even if its window has ended just now.
        seconds = max(math.ceil(stats.reset_time - time.time()), 0 if allowed else 1)
        return Quota(allowed, stats.remaining if allowed else 0, seconds)
