"""What a task may do with its own message: learn how often it came, keep it hidden, put it off.

SQS hides a message from other workers for a while only, the visibility timeout. A task that takes
longer has to extend it; one that fails for a passing reason chooses when it is to come again.
"""

import contextlib
import contextvars
import dataclasses
import functools
import math
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

import boto3.session
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from worker.errors import LeaseLostError
from worker.held import busy_tries

log = structlog.get_logger(__name__)

MAX_DELAY_SECONDS: Final = 900

# SQS no longer knows the handle: the message was deleted, or was given to somebody else.
_LOST: Final = frozenset(
    {"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue", "InvalidIdFormat"}
)


def growing_delay(receive_count: int, base_seconds: float) -> int:
    """Returns whole seconds: `base_seconds` at the first receipt, then twice as long each time.

    At most 900, at least 1, and up to a quarter less than that by chance, so that messages which
    failed together do not come again together.
    """
    doublings = max(0, min(receive_count - 1, 20))
    full = min(MAX_DELAY_SECONDS, base_seconds * (1 << doublings))
    return max(1, math.ceil(full * random.uniform(0.75, 1)))  # noqa: S311  no secret is made of it


def sqs_client(region: str) -> Any:
    """Returns this process's SQS client, made at its first use: never share one across a fork."""
    return _client_of(os.getpid(), region)


@functools.cache
def _client_of(_process: int, region: str) -> Any:
    # A session of its own, since boto3's default one is not safe to use from a second thread.
    config = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 2})
    return boto3.session.Session().client("sqs", region_name=region, config=config)


@dataclasses.dataclass(frozen=True)
class Message:
    """Where a task's message is, how often it has been received, and when the last time was.

    `received_at` is on the monotonic clock, which all processes of a machine share. `busy_tries`
    counts how often this worker has found its object busy since it received the message.
    """

    queue_url: str
    receipt_handle: str
    receive_count: int
    received_at: float
    busy_tries: int = 0

    @classmethod
    def of(cls, properties: dict[str, Any] | None) -> Self | None:
        """Reads what the transport left in a request's properties, or None where it did not."""
        try:
            info = (properties or {})["delivery_info"]
            sent = info["sqs_message"]
            times = int(sent["Attributes"]["ApproximateReceiveCount"])
            handle, received_at = sent["ReceiptHandle"], info["received_at"]
            return cls(info["sqs_queue"], handle, times, received_at, busy_tries(sent))
        except KeyError:
            return None


def _never() -> bool:
    return False


@dataclasses.dataclass(frozen=True)
class Turn:
    """One receipt of a message, as far as it matters to the work that is done for it.

    `lost` says whether the message may be another worker's by now: nothing may be committed then.
    `last`: the message does not come again, and whatever is to be said of it is to be said now.
    """

    lost: Callable[[], bool] = _never
    last: bool = False

    def check(self) -> None:
        """Raises LeaseLostError where the work has to stop."""
        if self.lost():
            raise LeaseLostError("The message may be another worker's by now.")


class Lease:
    """A task's hold on its message.

    The hold begins when the message is received, for `visibility_seconds` as the transport asks.
    `lost` is set as soon as the hold is known to be gone, or may be: SQS refused the handle, or did
    not answer for a whole visibility timeout. The task must not commit anything after that.
    Without a message (a task called directly) there is nothing to hold, and nothing is ever lost.
    """

    def __init__(
        self,
        message: Message | None,
        make_client: Callable[[], Any],
        *,
        visibility_seconds: float,
    ) -> None:
        self.message = message
        self.lost = threading.Event()
        self._make_client = make_client
        self._visibility_seconds = visibility_seconds
        held_since = message.received_at if message else time.monotonic()
        self._held_until = held_since + visibility_seconds

    @classmethod
    def of(cls, request: Any, make_client: Callable[[], Any], *, visibility_seconds: float) -> Self:
        """Returns the lease of a Celery task's request (`self.request` in a bound task).

        `make_client` is called in this process, and only when SQS has to be asked something.
        """
        message = Message.of(request.properties)
        return cls(message, make_client, visibility_seconds=visibility_seconds)

    @property
    def hidden_until(self) -> float:
        """Until when the message is hidden for certain, on the monotonic clock."""
        return self._held_until

    @property
    def busy_tries(self) -> int:
        """How often this worker has found the message's object busy since it received it."""
        return self.message.busy_tries if self.message else 0

    @property
    def receive_count(self) -> int:
        """How often the message has been received, this time included (as SQS counts: about)."""
        return self.message.receive_count if self.message else 1

    def extend(self, seconds: float) -> bool:
        """Hides the message for so many seconds from now. False, and logged, where that failed."""
        if self.message is None:
            return True
        asked_at = time.monotonic()
        try:
            self._make_client().change_message_visibility(
                QueueUrl=self.message.queue_url,
                ReceiptHandle=self.message.receipt_handle,
                VisibilityTimeout=math.ceil(seconds),
            )
        except (ClientError, BotoCoreError) as error:
            self._failed(error)
            return False
        self._held_until = asked_at + seconds
        return True

    def renew(self) -> bool:
        """Hides the message for as long as when it was received. False where that failed."""
        return self.extend(self._visibility_seconds)

    def postpone(self, base_seconds: float) -> int:
        """Makes the message come again after a delay that grows with each receipt, and returns it.

        To be followed by an exception: the message then stays in the queue, with its count. Where
        SQS does not take the delay, the message comes again when its visibility runs out.
        """
        delay = growing_delay(self.receive_count, base_seconds)
        self.extend(delay)
        return delay

    @contextlib.contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Extends the lease while the body runs, each time a third of it has passed.

        A thread of the same process does: nothing keeps it from running for long. The longest that
        a hostile record of 1 MiB held the interpreter's lock was 0.7 s (empty arrays, on a busy
        machine); it grows with MRU_MAX_RECORD_BYTES. tests/unit/worker/test_heartbeat_delay.py
        holds it.

        What passed before, since the message was received, counts. Raises LeaseLostError where that
        was too long already.
        """
        if self.message is None:
            yield
            return
        if time.monotonic() >= self._held_until:
            self._lose("Its message waited in its worker for longer than it was hidden.")
            raise LeaseLostError("The message waited for too long, and may be another worker's.")
        stop = threading.Event()
        run = contextvars.copy_context().run  # so that its log lines say which import's lease it is
        thread = threading.Thread(target=run, args=(self._beat, stop), name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()  # so that no late extension undoes a postponement

    def _beat(self, stop: threading.Event) -> None:
        interval = self._visibility_seconds / 3
        pause = self._held_until - 2 * interval - time.monotonic()
        while not stop.wait(pause) and not self.lost.is_set():
            pause = interval if self.extend(self._visibility_seconds) else interval / 4
            if time.monotonic() >= self._held_until:
                self._lose("SQS has not taken an extension for as long as the last one lasted.")

    def _failed(self, error: ClientError | BotoCoreError) -> None:
        log.warning("a lease could not be extended", error=str(error))
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            if code.rpartition(".")[2] in _LOST:
                self._lose("SQS no longer knows its handle.")

    def _lose(self, reason: str) -> None:
        if not self.lost.is_set():
            self.lost.set()
            log.warning("a lease is lost", reason=reason)
