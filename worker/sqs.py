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

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from kombu.transport import SQS, virtual
from vine import promise

from worker import observe, outage
from worker.held import HeldMessages
from worker.lease import growing_delay
from worker.messages import ForeignMessageError, admit
from worker.observe import Result
from worker.sqs_http import FAILED, Connection, http_client

log = structlog.get_logger(__name__)

WRITTEN_FOR: Final = {"celery": "5.7.0", "kombu": "5.7.0"}

# How Celery's setting broker_transport names it.
TRANSPORT: Final = "worker.sqs:Transport"

_GRACE_SECONDS: Final = 10  # a long poll is answered after wait_time_seconds, at the latest
_PAUSE_SECONDS: Final = 0.5  # after the first failed receive; twice as long after each further one
_MAX_PAUSE_SECONDS: Final = 15
_FULL_SECONDS: Final = 1  # until a full worker looks again, should nothing wake it before
_OUTAGE_SECONDS: Final = 0.2  # until a worker looks again that receives nothing, in an outage
_RELEASE_SECONDS: Final = 1  # the first delay of a message whose task was lost, then growing
_DELETE_TRIES: Final = 2
_DELETED: Final = 200  # as HTTP has it
_PASSING: Final = 500  # such an error and those above it may be gone at once; no answer is 599
_BEAT_SECONDS: Final = 1  # the heartbeat file is touched no more often than this


def log_refused(sqs_message: dict[str, Any], reason: str) -> None:
    """Says that a message is left to the redrive policy. What is in it may be long, or secret."""
    log.error("a message is refused", message_id=sqs_message.get("MessageId"), reason=reason)


def _log_unsettled(operation: str, message: Any, error: str) -> None:
    message_id = message.delivery_info["sqs_message"].get("MessageId")
    facts = {"message_id": message_id, "error": error}
    log.warning("a message could not be settled", operation=operation, **facts)


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
        self._deleting: dict[str, Any] = {}  # messages that SQS has not yet said to be gone
        self._held = HeldMessages(self.hub, self._has_room, self._take_up)

    def close(self) -> None:
        """Finishes what the event loop may not come to any more."""
        while self._deleting:
            _, message = self._deleting.popitem()
            self._settle("delete_message", message)
        for message in self._held.release():
            self._restore(message)
        super().close()

    def hold(self, message: Any, hidden_until: float) -> None:
        """Tries a message again in a moment whose object is busy; see `worker.held`."""
        self._held.hold(message, hidden_until)

    def _has_room(self) -> bool:
        return self.qos.can_consume() and outage.may_receive()

    def asynsqs(self, queue: str | None = None) -> Connection:
        clients = self._predefined_queue_async_clients
        if queue not in clients:
            attributes = self.get_message_attributes["MessageSystemAttributeNames"]
            clients[queue] = Connection(
                self.sqs(queue=queue),
                http_client=http_client(self.hub),
                message_system_attribute_names=attributes,
                visibility_seconds=self.visibility_timeout,
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
            self._park(queue, _FULL_SECONDS)
            return
        if not outage.may_receive():
            self._park(queue, _OUTAGE_SECONDS)
            return
        turn = promise(self._loop1, (queue,), on_error=self._turn_failed)
        try:
            self._get_bulk_async(queue, callback=turn)
        except Exception as error:  # noqa: BLE001  signing a request may fail as well, and does
            self._turn_failed(queue, error)

    def _park(self, queue: str, seconds: float) -> None:
        """Lets the next poll wait. Silence is no failure then: the loop still turns."""
        self.connection.beat()
        self._parked[queue] = self.hub.call_later(seconds, self._schedule_queue, queue)

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
        if messages is FAILED:
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
            foreign = isinstance(error, ForeignMessageError)
            log_refused(message, str(error) if foreign else repr(error))
            observe.tell(Result.REFUSED)
            self.qos.ack(message.get("ReceiptHandle", ""))

    def _message_to_python(self, message: Any, queue_name: str, q_url: str) -> Any:
        payload = super()._message_to_python(message, queue_name, q_url)
        admit(payload, self.transport_options["tasks"])  # before kombu unpacks anything
        # Where a message came from is known here; what its sender wrote there is not to be trusted.
        hidden_until = self._held.hidden_until(message["ReceiptHandle"])
        received_at = hidden_until - self.visibility_timeout if hidden_until else time.monotonic()
        known = {"exchange": "", "routing_key": queue_name, "received_at": received_at}
        payload["properties"]["delivery_info"].update(known)
        return payload

    def basic_ack(self, delivery_tag: str, **_: Any) -> None:
        """Deletes the message. Where that fails it comes again, and its task finds it done."""
        message = self.qos.message(delivery_tag)
        if message is None:
            return
        if message.delivery_info["routing_key"] in self._active_queues:
            self._delete(delivery_tag, message, tries=_DELETE_TRIES)
        else:  # the worker ends: its event loop may not turn again
            self._settle("delete_message", message)
        self.qos.ack(delivery_tag)

    def _delete(self, delivery_tag: str, message: Any, *, tries: int) -> None:
        """Deletes a message while the next one is received already."""
        info = message.delivery_info
        self._deleting[delivery_tag] = message

        def deleted(response: Any) -> None:
            if self._deleting.pop(delivery_tag, None) is None or response.status == _DELETED:
                return
            if tries > 1 and response.status >= _PASSING:
                self._delete(delivery_tag, message, tries=tries - 1)
            else:
                reason = response.reason or response.status
                _log_unsettled("delete_message", message, f"SQS answered: {reason}")

        client = self.asynsqs(queue=info["routing_key"])
        try:
            client.delete(info["sqs_queue"], info["sqs_message"]["ReceiptHandle"], deleted)
        except (ClientError, BotoCoreError, OSError) as error:  # signing it may fail
            del self._deleting[delivery_tag]
            _log_unsettled("delete_message", message, str(error))

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
            _log_unsettled(operation, message, str(error))

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
