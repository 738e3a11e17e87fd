"""The local emulator of S3 and SQS, but for one thing: a receive costs the same in a long queue.

moto looks at every message several times for each receive: with 1,000 of them that takes over
100 ms, and would hide all that is to be compared. Here a receive stops at the first that it finds.
"""

from collections.abc import Iterator

from moto.core.utils import unix_time
from moto.sqs.models import Message, Queue, SQSBackend

from local import aws


class _Visible:
    """The messages of a queue that can be received, found one by one."""

    def __init__(self, messages: list[Message]) -> None:
        self._messages = messages

    def __iter__(self) -> Iterator[Message]:
        return (each for each in self._messages if each.visible and not each.delayed)

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def hurry_receives() -> None:
    """Changes moto's queues; to be called before any is made."""

    def is_kept(self: SQSBackend, queue_name: str, message: Message) -> bool:
        """As moto's, which asks for all attributes of the queue, and so counts its messages."""
        seconds = int(getattr(self.get_queue(queue_name), "message_retention_period", 0))
        return bool(seconds + (message.sent_timestamp or 0) / 1000 > unix_time())

    visible = property(lambda queue: _Visible(list(queue._messages)))  # noqa: SLF001  no other way
    setattr(Queue, "messages", visible)  # noqa: B010  to mypy it is no property
    SQSBackend.is_message_valid_based_on_retention_period = is_kept  # type: ignore[method-assign]


if __name__ == "__main__":
    hurry_receives()
    aws.main()
