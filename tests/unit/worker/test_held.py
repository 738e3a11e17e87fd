"""Messages whose object is busy: when they are tried again, and when they are let go."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from worker.held import HeldMessages, busy_tries


class Hub:
    """An event loop whose timers a test rings itself."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Any, tuple[Any, ...]]] = []

    def call_later(self, seconds: float, call: Any, *args: Any) -> None:
        self.timers.append((seconds, call, args))

    def ring(self) -> float:
        seconds, call, args = self.timers.pop(0)
        call(*args)
        return seconds


class Desk:
    """Held messages, and what became of them."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.has_room = True
        self.taken: list[dict[str, Any]] = []
        self.held = HeldMessages(self.hub, lambda: self.has_room, self._take_up)

    def _take_up(self, queue_url: str, name: str, sent: dict[str, Any]) -> None:
        assert (queue_url, name) == ("https://queue", "imports")
        self.taken.append(sent)


def make_message(handle: str = "handle") -> Any:
    info = {"sqs_message": {"ReceiptHandle": handle}, "sqs_queue": "https://queue"}
    return SimpleNamespace(delivery_info={**info, "routing_key": "imports"})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_message_is_tried_again_after_two_to_five_seconds_however_often_it_was(
    desk: Desk,
) -> None:
    message = make_message()
    for tries in range(1, 30):
        desk.held.hold(message, time.monotonic() + 120)
        assert 2 <= desk.hub.ring() <= 5
        assert busy_tries(desk.taken[-1]) == tries
    assert desk.held.release() == []


def test_a_message_is_tried_again_well_before_it_becomes_visible(desk: Desk) -> None:
    desk.held.hold(make_message(), time.monotonic() + 3)
    assert desk.hub.ring() <= 1.5


def test_a_message_waits_for_a_free_process_but_not_longer_than_it_is_hidden(desk: Desk) -> None:
    desk.has_room = False
    desk.held.hold(make_message(), time.monotonic() + 0.2)
    desk.hub.ring()
    assert (desk.taken, len(desk.hub.timers)) == ([], 1)
    time.sleep(0.2)  # until it is visible to others
    desk.hub.ring()
    assert (desk.taken, desk.hub.timers, desk.held.release()) == ([], [], [])


def test_what_was_let_go_of_is_not_tried_again(desk: Desk) -> None:
    message = make_message()
    desk.held.hold(message, time.monotonic() + 120)
    assert desk.held.release() == [message]
    desk.hub.ring()
    assert desk.taken == []


def test_one_message_too_many_is_left_to_its_visibility(desk: Desk) -> None:
    for number in range(101):
        desk.held.hold(make_message(str(number)), time.monotonic() + 120)
    assert len(desk.hub.timers) == len(desk.held.release()) == 100
