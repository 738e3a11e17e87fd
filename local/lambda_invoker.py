"""Invokes functions as Lambda does: at once for a caller who waits, and asynchronously for S3, with
two retries and then a line in the log, where AWS has a failure destination.
"""

import collections
import dataclasses
import heapq
import itertools
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

import structlog

from local.lambda_sandbox import Answer, Function, Sandbox

# Lambda itself waits one minute and then two ("Error handling for asynchronous invocation").
RETRY_PAUSES_SECONDS: Final = (1.0, 2.0)

_log = structlog.stdlib.get_logger("local.lambda")


@dataclasses.dataclass(frozen=True, order=True)
class _Invocation:
    """One attempt at an event. It keeps its id when it is tried again, as on AWS."""

    due: float  # on the monotonic clock
    number: int
    function: Function = dataclasses.field(compare=False)
    event: Any = dataclasses.field(compare=False)
    request_id: str = dataclasses.field(compare=False)
    attempt: int = dataclasses.field(compare=False)


class Invoker:
    """A few threads that work off events, and the warm sandboxes that they share."""

    def __init__(
        self,
        *,
        concurrency: int = 4,
        retry_pauses_seconds: Sequence[float] = RETRY_PAUSES_SECONDS,
        log: int | None = None,
    ) -> None:
        """`log` is the file descriptor to which handlers write."""
        self._pauses = tuple(retry_pauses_seconds)
        self._log = log
        self._changed = threading.Condition()
        self._due: list[_Invocation] = []  # a heap
        self._numbers = itertools.count()
        self._idle: dict[Function, list[Sandbox]] = collections.defaultdict(list)
        self._busy: set[Sandbox] = set()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"lambda-{number}", daemon=True)
            for number in range(concurrency)
        ]
        for thread in self._threads:
            thread.start()

    def invoke(self, function: Function, event: Any, request_id: str | None = None) -> Answer:
        """Runs the function now and returns what came of it."""
        sandbox = self._borrow(function)
        self._busy.add(sandbox)
        answer = sandbox.invoke(event, request_id or str(uuid.uuid4()))
        self._busy.discard(sandbox)
        self._give_back(sandbox)
        return answer

    def enqueue(self, function: Function, event: Any) -> None:
        """Has the function run soon, in another thread, and again when it fails."""
        number = next(self._numbers)
        self._put(_Invocation(time.monotonic(), number, function, event, str(uuid.uuid4()), 1))

    def close(self, *, patience_seconds: float = 1.0) -> None:
        """Ends the threads and the sandboxes; what still runs then is cut off."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        deadline = time.monotonic() + patience_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for sandbox in list(self._busy):
            sandbox.kill()  # its thread sees the end, and ends too
        for thread in self._threads:
            thread.join()
        for sandbox in itertools.chain.from_iterable(self._idle.values()):
            sandbox.close()
        self._idle.clear()

    def _put(self, invocation: _Invocation) -> None:
        with self._changed:
            heapq.heappush(self._due, invocation)
            self._changed.notify()

    def _work(self) -> None:
        while invocation := self._next():
            answer = self.invoke(invocation.function, invocation.event, invocation.request_id)
            if answer.error is not None and not self._closed:
                self._again(invocation, answer.error)

    def _next(self) -> _Invocation | None:
        with self._changed:
            while not self._closed:
                pause = self._due[0].due - time.monotonic() if self._due else None
                if pause is not None and pause <= 0:
                    return heapq.heappop(self._due)
                self._changed.wait(pause)
            return None

    def _again(self, failed: _Invocation, error: dict[str, Any]) -> None:
        fields = {
            "function": failed.function.name,
            "attempt": failed.attempt,
            "reason": f"{error['errorType']}: {error['errorMessage']}",
        }
        if failed.attempt > len(self._pauses):
            _log.error("event given up", **fields, lost_event=failed.event)
            return
        pause = self._pauses[failed.attempt - 1]
        _log.warning("function failed", **fields, retry_after_seconds=pause)
        due = time.monotonic() + pause
        self._put(dataclasses.replace(failed, due=due, attempt=failed.attempt + 1))

    def _borrow(self, function: Function) -> Sandbox:
        with self._changed:
            outdated = [
                other for other in self._idle if other.arn == function.arn and other != function
            ]
            retired = [sandbox for other in outdated for sandbox in self._idle.pop(other)]
            warm = self._idle[function].pop() if self._idle[function] else None
        for sandbox in retired:
            sandbox.close()
        if warm and not warm.alive:
            warm.close()
            warm = None
        return warm or Sandbox(function, log=self._log)

    def _give_back(self, sandbox: Sandbox) -> None:
        if not sandbox.alive:
            sandbox.close()
            return
        with self._changed:
            self._idle[sandbox.function].append(sandbox)
