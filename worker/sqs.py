"""kombu's way to SQS, hardened: no failed call and no bad message ever stops the polling.

These are subclasses of kombu's own classes; `worker.consumer` has those of celery's. They are for
the versions in WRITTEN_FOR: a test holds the installed ones to them, and the fault tests show what
each override is for. With the stock classes a single error of ReceiveMessage ends the worker, or
leaves it alive and deaf.
"""

# kombu and celery have few types or none: to mypy their classes are Any, or full of None that is
# never there, and an override that names its arguments differs from one that does not.
# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False, warn-return-any=False
# mypy: disable-error-code="override, assignment, union-attr"

import time
from pathlib import Path
from typing import Any, Final

import pycurl  # type: ignore[import-untyped]  # its stubs are a package of their own
import structlog
from botocore.exceptions import BotoCoreError, ClientError
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.asynchronous.http import curl
from kombu.transport import SQS, virtual
from vine import promise

from worker.lease import growing_delay

log = structlog.get_logger(__name__)

WRITTEN_FOR: Final = {"celery": "5.7.0", "kombu": "5.7.0"}

# How Celery's setting broker_transport names it.
TRANSPORT: Final = "worker.sqs:Transport"

_CONNECT_SECONDS: Final = 5
_GRACE_SECONDS: Final = 10  # a long poll is answered after wait_time_seconds, at the latest
_PAUSE_SECONDS: Final = 0.5  # after the first failed receive; twice as long after each further one
_MAX_PAUSE_SECONDS: Final = 15
_FULL_SECONDS: Final = 1  # until a full worker looks again, should nothing wake it before
_RELEASE_SECONDS: Final = 1  # the first delay of a message whose task was lost, then growing
_BEAT_SECONDS: Final = 1  # the heartbeat file is touched no more often than this
_LOGGED_CHARACTERS: Final = 300

# Stands in a failed receive's place. kombu has an empty list there, or raises in the event loop.
_FAILED: Final = object()


class CurlClient(curl.CurlClient):
    """The HTTP client of the event loop, with time-outs: without them a half-open poll hangs."""

    _timer: Any = None

    def _setup_request(self, handle: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        super()._setup_request(handle, request, *args, **kwargs)
        handle.setopt(pycurl.NOSIGNAL, 1)  # else libcurl may use SIGALRM, which is billiard's
        connect_seconds = min(_CONNECT_SECONDS, request.connect_timeout)
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, int(connect_seconds * 1000))
        handle.setopt(pycurl.TIMEOUT_MS, int(request.request_timeout * 1000))

    def _set_timeout(self, msecs: int) -> None:
        """Sets curl's one timer. kombu reads its milliseconds as seconds and never clears it."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.hub.call_later(msecs / 1000, self._timeout_check) if msecs >= 0 else None

    def _timeout_check(self, *args: Any, **kwargs: Any) -> None:
        if not self._closed:
            super()._timeout_check(*args, **kwargs)


def log_refused(sqs_message: dict[str, Any], reason: str) -> None:
    """Says that a message is left to the redrive policy. What is in it may be long, or secret."""
    log.error("a message is refused", message_id=sqs_message.get("MessageId"), reason=reason)


def _http_client(hub: Any) -> Any:
    """Returns the hub's HTTP client, which is ours from now on; the hub closes it with itself."""
    client = getattr(hub, "_current_http_client", None)
    if not isinstance(client, CurlClient):
        # The place where kombu's own get_client keeps it; there is no public one.
        client = hub._current_http_client = CurlClient(hub)  # noqa: SLF001
    return client


class Connection(AsyncSQSConnection):
    """The asynchronous client: a receive that fails in any way is logged, and is an answer."""

    def __init__(self, *args: Any, receive_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receive_seconds = receive_seconds

    def get_http_connection(self) -> Any:
        return AsyncHTTPSConnection(timeout=self._receive_seconds, http_client=self._httpclient)

    def _on_list_ready(self, parent: Any, markers: Any, operation: str, response: Any) -> Any:
        if response.status != self.STATUS_CODE_OK:
            log.warning(
                "receiving failed",
                status=response.status,
                reason=response.reason,
                body=(response.read() or b"")[:_LOGGED_CHARACTERS].decode(errors="replace"),
            )
            return _FAILED
        try:
            return super()._on_list_ready(parent, markers, operation, response)
        except Exception:  # whatever a broken answer makes the parser raise
            log.warning("an answer could not be read", operation=operation, exc_info=True)
            return _FAILED


class QoS(virtual.QoS):
    """Which messages are in hand. Without kombu's backoff policy, which can end the worker."""

    def message(self, delivery_tag: str) -> Any | None:
        """Returns a message in hand, or None: a closed channel has let go of all of its own."""
        return self._delivered.get(delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Frees the slot. A tag that holds none must not count, or too many would be taken."""
        if delivery_tag in self._delivered:
            super().ack(delivery_tag)
            self.channel.wake()

    def reject(self, delivery_tag: str, *, requeue: bool = False) -> None:
        message = self.message(delivery_tag)
        if requeue and message is not None:
            self.channel._restore(message)  # noqa: SLF001  as kombu's own QoS does
        self.ack(delivery_tag)


class Channel(SQS.Channel):
    """One loop of polls for each queue, that goes on whatever comes back."""

    QoS = QoS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._failures = 0  # failed receives since the last good one
        self._parked: dict[str, Any] = {}  # queues whose next poll waits for a free slot

    def asynsqs(self, queue: str | None = None) -> Connection:
        clients = self._predefined_queue_async_clients
        if queue not in clients:
            attributes = self.get_message_attributes["MessageSystemAttributeNames"]
            clients[queue] = Connection(
                self.sqs(queue=queue),
                http_client=_http_client(self.hub),
                message_system_attribute_names=attributes,
                receive_seconds=self.wait_time_seconds
                + self.transport_options.get("grace_seconds", _GRACE_SECONDS),
            )
        return clients[queue]

    def _schedule_queue(self, queue: str) -> None:
        """One turn of the loop: poll, or wait for a free slot."""
        self._parked.pop(queue, None)
        if queue not in self._active_queues:
            return
        if not self.qos.can_consume():
            self.connection.beat()  # silent, because there is enough to do
            self._parked[queue] = self.hub.call_later(_FULL_SECONDS, self._schedule_queue, queue)
            return
        turn = promise(self._loop1, (queue,), on_error=self._turn_failed)
        try:
            self._get_bulk_async(queue, callback=turn)
        except Exception as error:  # noqa: BLE001  signing a request may fail as well, and does
            self._turn_failed(queue, error)

    def wake(self) -> None:
        """Polls at once, if the loop was waiting for a free slot."""
        while self._parked:
            queue, timer = self._parked.popitem()
            timer.cancel()
            self.hub.call_soon(self._schedule_queue, queue)

    def _loop1(self, queue: str, messages_fetched: int | None = None) -> None:
        """Schedules the next turn: later and later, while receiving fails."""
        if not self._failures:
            super()._loop1(queue, messages_fetched)
            return
        pause = min(_MAX_PAUSE_SECONDS, _PAUSE_SECONDS * 2 ** min(self._failures - 1, 10))
        self.hub.call_later(pause, self._schedule_queue, queue)

    def _turn_failed(self, queue: str, error: Exception) -> None:
        log.error("polling failed", queue=queue, exc_info=error)
        self._failures += 1
        self._loop1(queue)

    def _on_messages_ready(self, queue: str, qname: str, messages: Any) -> int:
        if messages is _FAILED:
            self._failures += 1
            return 0
        self._failures = 0
        self.connection.beat()
        # Without a consumer (the worker ends) kombu gives the whole batch back.
        if qname not in self.connection._callbacks:  # noqa: SLF001  as kombu itself does
            return int(super()._on_messages_ready(queue, qname, messages))
        batch = messages.get("Messages") or []
        for message in batch:
            self._take_up(queue, qname, message)
        return len(batch)

    def _take_up(self, queue: str, qname: str, message: dict[str, Any]) -> None:
        """Hands one message on. One that cannot be is left for the redrive policy to move."""
        try:
            super()._on_messages_ready(queue, qname, {"Messages": [message]})
        except Exception as error:  # noqa: BLE001  the next one may be good, whatever this one is
            log_refused(message, repr(error))
            self.qos.ack(message.get("ReceiptHandle", ""))

    def _message_to_python(self, message: Any, queue_name: str, q_url: str) -> Any:
        payload = super()._message_to_python(message, queue_name, q_url)
        # Where a message came from is known here; what its sender wrote there is not to be trusted.
        payload["properties"]["delivery_info"].update(exchange="", routing_key=queue_name)
        return payload

    def basic_ack(self, delivery_tag: str, **_: Any) -> None:
        """Deletes the message. Where that fails it comes again, and its task finds it done."""
        message = self.qos.message(delivery_tag)
        if message is not None:
            self._settle("delete_message", message)
            self.qos.ack(delivery_tag)

    def basic_reject(self, delivery_tag: str, *, requeue: bool = False) -> None:
        """Never deletes, as kombu does where it sees no redrive policy: that loses messages."""
        self.qos.reject(delivery_tag, requeue=requeue)

    def _restore(self, message: Any, *_: Any, **__: Any) -> None:
        """Makes a message visible soon: its task was lost or stopped, or the worker ends."""
        attributes = message.delivery_info["sqs_message"]["Attributes"]
        delay = growing_delay(int(attributes["ApproximateReceiveCount"]), _RELEASE_SECONDS)
        self._settle("change_message_visibility", message, VisibilityTimeout=delay)

    def _settle(self, operation: str, message: Any, **parameters: Any) -> None:
        """Tells SQS something. A failure is only logged: SQS will deliver the message again."""
        info = message.delivery_info
        sent = info["sqs_message"]
        try:
            call = getattr(self.sqs(queue=info["routing_key"]), operation)
            call(QueueUrl=info["sqs_queue"], ReceiptHandle=sent["ReceiptHandle"], **parameters)
        except (ClientError, BotoCoreError, OSError) as error:
            facts = {"message_id": sent.get("MessageId"), "error": str(error)}
            log.warning("a message could not be settled", operation=operation, **facts)

    def _size(self, *_: Any) -> int:
        """Nobody needs the count that a declaration asks for, and the call can fail."""
        return 0


class Transport(SQS.Transport):
    """Remembers when SQS last answered a poll, in a file too if one is named: that is liveness."""

    Channel = Channel
    last_poll: float | None = None  # on the monotonic clock

    def beat(self) -> None:
        """Notes that the loop of polls is turning."""
        now = time.monotonic()
        file = self.client.transport_options.get("heartbeat_file")
        if file and (self.last_poll is None or now - self.last_poll >= _BEAT_SECONDS):
            try:
                Path(file).touch()
            except OSError:
                log.exception("the heartbeat file could not be touched", file=file)
        self.last_poll = now
