"""Lets one side of a generator work ahead of the other: files are read and checked in a thread
while Postgres takes what was read before.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
_IDLE_SECONDS: Final = 5


class _End:
    """What the thread puts last: the error that ended it, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _do_nothing() -> None:
    pass


@contextmanager
def ahead(
    items: Iterator[Item],
    *,
    depth: int,
    interrupt: Callable[[], None],
    idle: Callable[[], None] = _do_nothing,
) -> Iterator[Iterator[Item]]:
    """Yields an iterator over `items`, which are made in a thread, at most `depth` ahead.

    What the making raises is raised here. When the block is left early, `interrupt` is called, to
    end whatever the making waits for; the thread has ended when the block has been left. While
    nothing has been made for five seconds, `idle` is called, here and not in the thread.
    """
    with closing(_Ahead(items, depth, interrupt, idle)) as made:
        yield made


class _Ahead(Generic[Item]):
    def __init__(
        self,
        items: Iterator[Item],
        depth: int,
        interrupt: Callable[[], None],
        idle: Callable[[], None],
    ) -> None:
        self._items = items
        self._idle = idle
        self._interrupt = interrupt
        self._room = threading.Semaphore(depth)
        self._made: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._make, name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> "_Ahead[Item]":
        return self

    def __next__(self) -> Item:
        item = self._next()
        if not isinstance(item, _End):
            self._room.release()
            return item
        self._made.put(item)
        if item.error is not None:
            raise item.error
        raise StopIteration

    def _next(self) -> Item | _End:
        while True:
            try:
                return self._made.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                self._idle()

    def close(self) -> None:
        """Ends the thread and waits for it."""
        self._stopped = True
        self._room.release()
        if self._thread.is_alive():
            self._interrupt()
        self._thread.join()

    def _make(self) -> None:
        try:
            for item in self._items:
                self._room.acquire()
                if self._stopped:
                    break
                self._made.put(item)
        except BaseException as error:  # noqa: BLE001  it is raised again on the other side
            self._made.put(_End(error))
        else:
            self._made.put(_End(None))
