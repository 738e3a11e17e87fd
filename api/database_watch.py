"""Whether the database answers: for probes and the metrics.

However many want to know, one thread asks, at most once a second, and nobody waits long for it.
"""

import mmap
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

# Where an application keeps its watch, among Flask's extensions.
WATCH: Final = "movies-r-us.database-watch"

# Kubernetes gives a probe one second unless configured otherwise.
ANSWER_SECONDS: Final = 0.9
GOOD_FOR_SECONDS: Final = 1.0


class DatabaseStatus(StrEnum):
    """What a look at the database found."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"  # it does not answer, or not within ANSWER_SECONDS
    NOT_MIGRATED = "not migrated"  # it answers, and has no tables that the API may read


class Reached:
    """Whether a migrated database was ever reached. Processes forked later share it.

    So a process that replaces another while the database is away is as ready as that one was.
    """

    def __init__(self) -> None:
        self._mark = mmap.mmap(-1, 1)

    def note(self) -> None:
        """Remembers that it was; there is no way back."""
        self._mark[0] = 1

    def __bool__(self) -> bool:
        return self._mark[0] == 1


class DatabaseWatch:
    """Looks at the database. `ask` may take as long as it likes; its thread ends with it."""

    def __init__(self, ask: Callable[[], DatabaseStatus]) -> None:
        self.reached = Reached()
        self._ask = ask
        self._done = threading.Condition()
        self._asking = False
        self._asked_at = float("-inf")
        self._status = DatabaseStatus.UNAVAILABLE

    def look(self) -> DatabaseStatus:
        """Returns the status as it was at most a second ago, within ANSWER_SECONDS."""
        with self._done:
            now = time.monotonic()
            if not self._asking and now - self._asked_at >= GOOD_FOR_SECONDS:
                threading.Thread(target=self._find_out, name="database", daemon=True).start()
                self._asking, self._asked_at = True, now
            # Whoever comes when the answer is overdue does not wait at all.
            left = self._asked_at + ANSWER_SECONDS - now
            self._done.wait_for(lambda: not self._asking, max(0.0, left))
            return DatabaseStatus.UNAVAILABLE if self._asking else self._status

    def _find_out(self) -> None:
        status = DatabaseStatus.UNAVAILABLE
        try:
            status = self._ask()
        finally:
            with self._done:
                if status is DatabaseStatus.AVAILABLE:
                    self.reached.note()
                self._asking, self._status = False, status
                self._done.notify_all()
