"""Celery's two ends of a message, hardened: what is no task of ours is left to the redrive policy,
and a task whose process was lost, for whatever reason, gives its message back.

Written for the versions in `worker.sqs.WRITTEN_FOR`. The stock classes acknowledge some messages
that cannot be read, which loses them, and say of others that they were deleted, which is not so.
"""

# celery has few types: to mypy its classes are Any.
# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False, warn-return-any=False
# mypy: disable-error-code="override"

import os
import signal
import socket
from typing import Any, Final

import structlog
from billiard.exceptions import WorkerLostError
from celery.exceptions import InvalidTaskError, WorkerTerminate
from celery.worker import consumer, request, state
from kombu.asynchronous import set_event_loop

from worker import observe, outage
from worker.errors import ObjectBusyError
from worker.messages import ForeignMessageError, check_body
from worker.observe import Result
from worker.sqs import log_refused

log = structlog.get_logger(__name__)

# How Celery's settings name these classes: worker_consumer, and a task's Request.
CONSUMER: Final = "worker.consumer:Consumer"
REQUEST: Final = "worker.consumer:Request"

_WAKES_AT_ONCE: Final = 1024  # a byte for each signal
_IDLE_END_SECONDS: Final = 5  # for its traces to be sent
# What billiard has a process exit with that a signal ended.
_TERMINATED: Final = signal.SIGTERM - 256


def end_while_starting(how: str, exitcode: int, **_: Any) -> None:
    """Ends the worker at once: before it is ready, it has no task to finish.

    Celery, whose signal handler calls this, would first start the rest of the worker.
    """
    if how == "Warm":
        raise WorkerTerminate(exitcode)


def end_terminated_process(exitcode: int, **_: Any) -> None:
    """Ends a terminated process of the pool as soon as it has cleaned up.

    billiard would let it sleep for a second, so that its parent can read a last message. A parent
    that terminates a process waits for its end and reads nothing.
    """
    if exitcode == _TERMINATED:
        os._exit(exitcode)


class Consumer(consumer.Consumer):
    """celery's consumer, without the steps that need a broker with broadcasts."""

    def __init__(
        self, *args: Any, worker_options: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        quiet = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
        super().__init__(*args, worker_options={**(worker_options or {}), **quiet}, **kwargs)
        self._woken, self._wakes = socket.socketpair()
        self._woken.setblocking(False)
        self._wakes.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)

    def connect(self) -> Any:
        """Connects. After an error kombu no longer knows the hub, and would never poll again."""
        set_event_loop(self.hub)
        # After an error the hub no longer knows this either.
        self.hub.add_reader(self._woken, self._heed_signal)
        return super().connect()

    def _heed_signal(self) -> None:
        """Ends an idle worker at once after SIGTERM.

        Celery would notice the signal within a second, and wait two more for processes that have
        nothing to finish. A message that SQS hands out meanwhile becomes visible to other workers
        when its visibility time-out ends.
        """
        self._woken.recv(_WAKES_AT_ONCE)
        if state.should_stop is None or state.reserved_requests:
            return
        state.should_terminate = state.should_stop
        idle = list(self.pool._pool._pool)  # noqa: SLF001  Celery's pool shows its processes nowhere
        for process in idle:
            process.terminate()
        for process in idle:
            process.join(_IDLE_END_SECONDS)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Leaves a message whose body is not what it says."""
        self._leave(message, f"It cannot be decoded: {exc!r}")

    def on_unknown_message(self, _body: Any, message: Any) -> None:
        """Leaves a message that is no task."""
        self._leave(message, "It is no task.")

    def on_unknown_task(self, _body: Any, message: Any, exc: Exception) -> None:
        """Leaves a task of somebody else's."""
        self._leave(message, f"There is no task {exc}.")

    def on_invalid_task(self, _body: Any, message: Any, exc: Exception) -> None:
        """Leaves a task that is not as tasks are."""
        self._leave(message, f"It is no good task: {exc!r}")

    def _leave(self, message: Any, reason: str) -> None:
        log_refused(message.delivery_info["sqs_message"], reason)
        observe.tell(Result.REFUSED)
        message.reject()


class Request(request.Request):
    """celery's request, that survives a task which ran out of memory, and is one task alone."""

    def __init__(self, message: Any, *args: Any, **kwargs: Any) -> None:
        try:
            check_body(message.payload)
        except ForeignMessageError as error:
            raise InvalidTaskError(str(error)) from error
        super().__init__(message, *args, **kwargs)

    def on_failure(self, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
        """Gives back the message of a task whose process was lost.

        Where the task ran out of memory and lived on, the message is left for its visibility to run
        out; celery raises MemoryError in the worker itself.
        """
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        outage.note(error)  # before this message's slot is free for the next one
        if isinstance(error, ObjectBusyError) and error.hidden_until is not None:
            self.message.channel.hold(self.message, error.hidden_until)
        if not isinstance(error, MemoryError | WorkerLostError):
            return super().on_failure(exc_info, *args, **kwargs)
        log.error("the process of a task was lost", **self._named(), reason=str(error))
        observe.tell(Result.PROCESS_LOST)
        state.task_ready(self)
        return self.reject(requeue=isinstance(error, WorkerLostError))

    def on_timeout(self, soft: bool, timeout: float) -> Any:  # noqa: FBT001  celery calls it so
        """Says which import it was whose process was killed for taking too long."""
        if not soft:
            log.error("the process of a task took too long", **self._named(), seconds=timeout)
            observe.tell(Result.TIMED_OUT)
        return super().on_timeout(soft, timeout)

    def _named(self) -> dict[str, Any]:
        """Returns what a line is found by: `request_id` is what the API put into the headers."""
        return {"task_id": self.id, "request_id": self.request_dict.get("request_id")}
