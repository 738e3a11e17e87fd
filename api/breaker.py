"""A circuit breaker before the movies: while they cannot be read, nobody waits to learn so again.

After a few failures in a row every question is rejected at once. Once a second one is let through,
one at a time; if it is answered, so are all others from then on.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Final

from api.errors import ApiError, DatabaseUnavailableError

_IN_A_ROW: Final = 3
_TRY_EVERY_SECONDS: Final = 1.0


class UnansweredError(DatabaseUnavailableError):
    """The database took its time and gave no answer: it is away, stopped, or holds a lock."""


class Breaker:
    """Counts questions without an answer; it is closed as long as questions are let through."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0
        self._is_trying = False
        self._last: UnansweredError | None = None

    @contextlib.contextmanager
    def question(self) -> Iterator[bool]:
        """Lets a question through, and yields whether it is one to try by.

        Raises UnansweredError at once while it is open.
        """
        is_trial = self._enter()
        try:
            yield is_trial
        except UnansweredError as error:
            self._count(error)
            raise
        except ApiError:
            raise  # our own bounds, or the client's doing: it says nothing of the movies
        except BaseException:
            self.close()  # some answer, if not the one that was wanted
            raise
        else:
            self.close()
        finally:
            if is_trial:
                self._end_trial()

    def close(self) -> None:
        """Lets all questions through again: one was answered."""
        with self._lock:
            self._failures, self._last = 0, None

    def _enter(self) -> bool:
        with self._lock:
            if self._last is None or self._failures < _IN_A_ROW:
                return False
            now = time.monotonic()
            if self._is_trying or now < self._next_try:
                raise UnansweredError(self._last.detail)
            self._is_trying = True
            return True

    def _count(self, error: UnansweredError) -> None:
        with self._lock:
            self._failures += 1
            self._last = error
            if self._failures == _IN_A_ROW:
                self._next_try = time.monotonic() + _TRY_EVERY_SECONDS

    def _end_trial(self) -> None:
        with self._lock:
            self._is_trying = False
            self._next_try = time.monotonic() + _TRY_EVERY_SECONDS
