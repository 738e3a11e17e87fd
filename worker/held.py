"""Messages whose object another worker has in hand: kept by this worker without a process.

SQS counts receipts, and being busy is no failure. So such a message is not given back: it stays
hidden, and is tried again in a moment as if it had just been received. It takes no slot meanwhile.
"""

# kombu has few types: to mypy its classes are Any.

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

_LEAST_SECONDS: Final = 2
_MOST_SECONDS: Final = 5
_NO_ROOM_SECONDS: Final = 1  # until a message looks again for a free process
_MOST_MESSAGES: Final = 100
_BUSY: Final = "MruBusyTries"  # of the message as SQS sent it: which fields it has, SQS decides

log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True)
class _Held:
    message: Any  # kombu's
    hidden_until: float  # on the monotonic clock


def busy_tries(sqs_message: dict[str, Any]) -> int:
    """Returns how often this worker has found the message's object busy since it received it."""
    return int(sqs_message.get(_BUSY, 0))


class HeldMessages:
    """The messages that a channel holds.

    `take_up` is given a message as SQS sent it, its queue's address and the queue's name.
    """

    def __init__(
        self,
        hub: Any,
        has_room: Callable[[], bool],
        take_up: Callable[[str, str, dict[str, Any]], None],
    ) -> None:
        self._hub = hub
        self._has_room = has_room
        self._take_up = take_up
        self._held: dict[str, _Held] = {}

    def hold(self, message: Any, hidden_until: float) -> None:
        """Tries a message again in two to five seconds.

        One too many is left alone, and comes again when its visibility runs out.
        """
        sent = message.delivery_info["sqs_message"]
        if len(self._held) >= _MOST_MESSAGES:
            log.warning("too many messages wait for busy objects", message_id=sent.get("MessageId"))
            return
        sent[_BUSY] = busy_tries(sent) + 1
        self._held[sent["ReceiptHandle"]] = _Held(message, hidden_until)
        delay = random.uniform(_LEAST_SECONDS, _MOST_SECONDS)  # noqa: S311  no secret is made of it
        half = (hidden_until - time.monotonic()) / 2
        self._hub.call_later(max(0.0, min(delay, half)), self._try, sent["ReceiptHandle"])

    def release(self) -> list[Any]:
        """Lets go of all messages, and returns them."""
        messages = [held.message for held in self._held.values()]
        self._held.clear()
        return messages

    def hidden_until(self, receipt_handle: str) -> float | None:
        """Returns how long a held message stays hidden; None for one that is not held."""
        held = self._held.get(receipt_handle)
        return held.hidden_until if held else None

    def _try(self, receipt_handle: str) -> None:
        held = self._held.get(receipt_handle)
        if held is None:  # let go of
            return
        if time.monotonic() >= held.hidden_until:
            # No process was free for so long. SQS gives it to whoever has one.
            del self._held[receipt_handle]
        elif not self._has_room():
            self._hub.call_later(_NO_ROOM_SECONDS, self._try, receipt_handle)
        else:
            info = held.message.delivery_info
            self._take_up(info["sqs_queue"], info["routing_key"], info["sqs_message"])
            self._held.pop(receipt_handle, None)
