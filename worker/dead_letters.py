"""The queue from outside, as operators see it: how much waits, and what ended as a dead letter.

Nothing is taken from the queue itself, for whoever looks at a message hides it from the workers and
uses up one of its tries. Dead letters are looked at, and made visible again at once.
"""

import base64
import binascii
import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError
from marshmallow import ValidationError

from schemas.fields import flatten_messages
from schemas.notification import IMPORT_TASK, Notification, load_notification
from worker.errors import WorkerError

_HELD_SECONDS: Final = 60  # long enough to put one back; without a word they come back by then
_BATCH: Final = 10  # SQS' own bound
_COUNTS: Final = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


class QueueError(WorkerError):
    """The queue is not as it has to be."""


@dataclasses.dataclass(frozen=True)
class Depth:
    """How many messages a queue has, about: SQS calls its own numbers approximate."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """A message that nobody could finish. One that announces nothing has a fault instead."""

    queue_url: str
    message_id: str
    receipt_handle: str
    body: str
    attributes: dict[str, Any]
    receives: int
    sent_at: datetime
    notification: Notification | None
    fault: str | None


@dataclasses.dataclass(frozen=True)
class Queues:
    """The queue of the imports, and its dead-letter queue, which it names itself."""

    client: Any
    url: str
    wait_seconds: int = 1  # a question that waits is put to all of SQS' servers, not to some

    def depth(self) -> Depth:
        """Returns how much is in the queue."""
        return self._depth(self.url)

    def dead_depth(self) -> Depth:
        """Returns how much is in the dead-letter queue. Raises QueueError where there is none."""
        return self._depth(self.dead_url())

    def dead_url(self) -> str:
        """Returns the dead-letter queue's URL. Raises QueueError where there is none."""
        policy = self._attributes(self.url, "RedrivePolicy").get("RedrivePolicy")
        if policy is None:
            raise QueueError("The queue has no redrive policy, and so no dead-letter queue.")
        account, name = json.loads(policy)["deadLetterTargetArn"].split(":")[-2:]
        answer = self.client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
        url: str = answer["QueueUrl"]
        return url

    @contextmanager
    def dead_letters(self, *, limit: int) -> Iterator[Iterator[DeadLetter]]:
        """Lends dead letters, each once. What was not `put_back` is visible again at the end."""
        url = self.dead_url()
        held: dict[str, str] = {}
        try:
            yield self._receive(url, held, limit)
        finally:
            self._release(url, list(held.values()))

    def put_back(self, letter: DeadLetter) -> None:
        """Sends a dead letter to the queue, as it is; `delete` is to follow."""
        self.client.send_message(
            QueueUrl=self.url, MessageBody=letter.body, MessageAttributes=letter.attributes
        )

    def delete(self, letter: DeadLetter) -> None:
        """Deletes a dead letter that was put back. Undone, it is put back twice: no harm."""
        self.client.delete_message(QueueUrl=letter.queue_url, ReceiptHandle=letter.receipt_handle)

    def _receive(self, url: str, held: dict[str, str], limit: int) -> Iterator[DeadLetter]:
        while len(held) < limit:
            answer = self.client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(_BATCH, limit - len(held)),
                VisibilityTimeout=_HELD_SECONDS,
                WaitTimeSeconds=self.wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            news = [message for message in messages if message["MessageId"] not in held]
            held.update({message["MessageId"]: message["ReceiptHandle"] for message in messages})
            if not news:
                return
            yield from (_read(url, message) for message in news)

    def _release(self, url: str, handles: list[str]) -> None:
        for start in range(0, len(handles), _BATCH):
            batch = handles[start : start + _BATCH]
            # What was deleted is among them; SQS says so of each, and nobody needs to know.
            self.client.change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for number, handle in enumerate(batch)
                ],
            )

    def _depth(self, url: str) -> Depth:
        found = self._attributes(url, *_COUNTS.values())
        return Depth(**{name: int(found.get(wanted, 0)) for name, wanted in _COUNTS.items()})

    def _attributes(self, url: str, *names: str) -> dict[str, str]:
        try:
            answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
        except ClientError as error:
            if "NonExistentQueue" in error.response.get("Error", {}).get("Code", ""):
                raise QueueError(f"There is no queue {url}.") from error
            raise
        found: dict[str, str] = answer.get("Attributes", {})
        return found


def _read(queue_url: str, message: dict[str, Any]) -> DeadLetter:
    system = message["Attributes"]
    notification, fault = _announcement(message["Body"])
    return DeadLetter(
        queue_url=queue_url,
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        receives=int(system["ApproximateReceiveCount"]),
        sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        notification=notification,
        fault=fault,
    )


def _announcement(body: str) -> tuple[Notification | None, str | None]:
    """Returns what a message announces, or why it announces nothing."""
    try:
        message = json.loads(base64.b64decode(body, validate=True))
        task = message["headers"]["task"]
        if task != IMPORT_TASK:
            return None, f"It is the task {task}."
        arguments = json.loads(base64.b64decode(message["body"], validate=True))
        return load_notification(arguments[1]["notification"]), None
    except ValidationError as error:
        faults = [f"{field or 'notification'}: {text}" for field, text in flatten_messages(error)]
        return None, "; ".join(faults)
    except (binascii.Error, ValueError, LookupError, TypeError):
        return None, "It is no message of Celery's."
