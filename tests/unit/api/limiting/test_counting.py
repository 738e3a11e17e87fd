"""Requests are counted exactly, in windows that end, and in bounded memory."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from api.limiting import counting
from api.limiting.counting import MAX_CLIENTS, BoundedMemory, Counter, Quota
from api.limiting.settings import Rate


class Clock:
    """Time as a test has it pass; it stands in place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(counting, "time", made)
    return made


def addresses(count: int) -> Iterator[str]:
    for number in range(count):
        yield f"address:10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def test_a_client_may_send_so_many_requests_until_its_window_ends(clock: Clock) -> None:
    counter = Counter(Rate(2, 60))
    assert counter.count("a") == Quota(allowed=True, remaining=1, reset_seconds=60)
    clock.now += 20.5
    assert counter.count("a") == Quota(allowed=True, remaining=0, reset_seconds=40)
    assert counter.count("a") == Quota(allowed=False, remaining=0, reset_seconds=40)
    assert counter.count("b") == Quota(allowed=True, remaining=1, reset_seconds=60)
    clock.now += 39.4
    assert counter.count("a") == Quota(allowed=False, remaining=0, reset_seconds=1)
    clock.now += 0.2
    assert counter.count("a") == Quota(allowed=True, remaining=1, reset_seconds=60)


def test_a_window_that_ends_between_two_looks_still_says_wait(clock: Clock) -> None:
    counter = Counter(Rate(1, 60))
    counter.count("a")

    class Ended(BoundedMemory):
        def get_expiry(self, key: str) -> float:
            return clock.now - 1

    counter._limiter.storage.__class__ = Ended
    assert counter.count("a") == Quota(allowed=False, remaining=0, reset_seconds=1)


def test_two_threads_start_one_window_for_a_new_client() -> None:
    together = threading.Barrier(2)

    class Slow(BoundedMemory):
        """Starts a window only when another thread is about to, or none has come for a while."""

        def _start(self, *window: Any) -> Any:
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(timeout=0.3)
            return super()._start(*window)

    counter = Counter(Rate(1, 3600), Slow())
    allowed: list[bool] = []
    threads = [
        threading.Thread(target=lambda: allowed.append(counter.count("a").allowed))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False, True]


def test_a_flood_of_addresses_takes_bounded_memory_and_starts_no_thread() -> None:
    threads = threading.active_count()
    storage = BoundedMemory()
    counter = Counter(Rate(600, 60), storage)
    before = psutil.Process().memory_info().rss
    for address in addresses(200_000):
        counter.count(address)
    assert psutil.Process().memory_info().rss - before < 40_000_000
    assert len(storage) == MAX_CLIENTS
    assert threading.active_count() == threads


def test_where_there_is_no_room_the_oldest_window_goes(clock: Clock) -> None:
    counter = Counter(Rate(1, 60), BoundedMemory(room=3))
    for client in "abcd":
        assert counter.count(client).allowed
    assert not any(counter.count(client).allowed for client in "bcd")
    assert counter.count("a").allowed


def test_windows_that_have_ended_go_as_others_come(clock: Clock) -> None:
    storage = BoundedMemory()
    counter = Counter(Rate(1, 60), storage)
    for address in addresses(1000):
        counter.count(address)
    clock.now += 61
    for number in range(1000):
        counter.count(f"later {number}")
    assert len(storage) == 1000


def test_a_client_that_goes_on_keeps_its_place_behind_those_that_came_before(clock: Clock) -> None:
    storage = BoundedMemory(room=2)
    counter = Counter(Rate(1, 60), storage)
    counter.count("a")
    clock.now += 30
    counter.count("b")
    clock.now += 31  # the window of a has ended
    counter.count("a")
    counter.count("c")
    assert not counter.count("a").allowed
    assert counter.count("b").allowed


def test_a_new_window_of_a_known_client_goes_behind_all_others(clock: Clock) -> None:
    counter = Counter(Rate(1, 60), BoundedMemory(room=4))
    for client in "abcd":
        counter.count(client)
    clock.now += 61
    for client in "cefg":  # the window of d has ended, and is the one that goes
        assert counter.count(client).allowed
    assert not counter.count("c").allowed


def test_the_storage_can_be_cleared(clock: Clock) -> None:
    storage: Any = BoundedMemory()
    storage.incr("a", 60)
    storage.incr("b", 60, amount=3)
    assert (storage.get("a"), storage.get("b"), storage.get("c")) == (1, 3, 0)
    storage.clear("a")
    assert storage.check()
    assert (storage.reset(), len(storage)) == (1, 0)
