"""Forks of the worker's main process, which has threads that ask others things."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FORK_SECONDS: Final = 5


class Gate:
    """Keeps the worker from forking in the middle of a question.

    A child is a copy of the thread that forks, and of every lock as it is: one that another thread
    holds at that moment, somewhere in OpenSSL or libpq, would stay locked in the child for ever.
    """

    def __init__(self, listener: socket.socket | None = None) -> None:
        self._asking = threading.Lock()
        self._held = False
        self._listener = listener
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork,
            after_in_child=self._in_child,
        )

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Holds forks up for as long as the body runs."""
        with self._asking:
            yield

    def _before_fork(self) -> None:
        # With an end: it is the event loop that waits here.
        self._held = self._asking.acquire(timeout=_FORK_SECONDS)

    def _after_fork(self) -> None:
        if self._held:
            self._asking.release()

    def _in_child(self) -> None:
        self._after_fork()
        if self._listener is not None:
            self._listener.close()  # or the port would be taken for as long as the child lives
