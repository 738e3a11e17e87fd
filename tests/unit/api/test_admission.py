"""The gate before costly searches: how many run, how many wait, and who is rejected."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from api.admission import Gate, admit_costly
from api.deadline import serving_request
from api.errors import BusyError
from tests.rig import wait_until

DEADLINE_SECONDS = 30


class Search:
    """A costly search in a thread of its own, which ends when a test says so."""

    def __init__(self, gate: Gate) -> None:
        self.has_place = threading.Event()
        self.was_rejected = threading.Event()
        self._may_end = threading.Event()
        self._gate = gate
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._may_end.set()
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._gate.question():
                admit_costly()
                self.has_place.set()
                self._may_end.wait(DEADLINE_SECONDS)
        except BusyError:
            self.was_rejected.set()


class Searches:
    def __init__(self) -> None:
        self.all: list[Search] = []

    def start(self, gate: Gate) -> Search:
        self.all.append(Search(gate))
        return self.all[-1]

    def start_running(self, gate: Gate) -> Search:
        search = self.start(gate)
        assert search.has_place.wait(DEADLINE_SECONDS)
        return search


@pytest.fixture
def searches() -> Iterator[Searches]:
    started = Searches()
    yield started
    for search in started.all:
        search.end()


def waiting_in(gate: Gate) -> int:
    """Returns how many wait: those inside without a place to run."""
    return gate._running._value - gate._inside._value + 1  # of gates with one place for each


def try_to_enter(gate: Gate) -> None:
    with gate.question():
        admit_costly()


def test_as_many_run_at_once_as_there_are_places(searches: Searches) -> None:
    gate = Gate(2, waiting=0)
    searches.start_running(gate)
    searches.start_running(gate)
    with pytest.raises(BusyError) as caught:
        try_to_enter(gate)
    assert caught.value.headers["Retry-After"] == "1"
    assert caught.value.status == 503


def test_one_waits_until_another_ends_and_more_are_rejected_at_once(searches: Searches) -> None:
    gate = Gate(1, waiting=1)
    first = searches.start_running(gate)
    second = searches.start(gate)
    wait_until("the second waits", lambda: waiting_in(gate) == 1)
    with pytest.raises(BusyError):
        try_to_enter(gate)
    assert not second.has_place.is_set()
    first.end()
    assert second.has_place.wait(DEADLINE_SECONDS)


def test_who_waits_in_vain_is_rejected_and_leaves_no_trace(
    searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.admission._WAIT_SECONDS", 0.01)
    gate = Gate(1, waiting=1)
    first = searches.start_running(gate)
    for _ in range(3):
        second = searches.start(gate)
        assert second.was_rejected.wait(DEADLINE_SECONDS)
    monkeypatch.undo()
    third = searches.start(gate)
    wait_until("the third waits", lambda: waiting_in(gate) == 1)
    first.end()
    assert third.has_place.wait(DEADLINE_SECONDS)


def test_a_request_that_is_late_does_not_wait(searches: Searches) -> None:
    gate = Gate(1, waiting=1)
    searches.start_running(gate)
    ours, theirs = socket.socketpair()
    began = time.monotonic()
    with ours, theirs, serving_request(began - 100, ours), pytest.raises(BusyError):
        try_to_enter(gate)
    assert time.monotonic() - began < 2  # of the 3 seconds that it would wait otherwise


def test_a_question_takes_one_place_however_often_it_is_found_to_be_costly() -> None:
    gate = Gate(1, waiting=0)
    with gate.question():
        admit_costly()
        admit_costly()
    try_to_enter(gate)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_place_is_given_back_whatever_happens(error: type[BaseException]) -> None:
    gate = Gate(1, waiting=0)

    def fail() -> None:
        with gate.question():
            admit_costly()
            raise error

    for _ in range(2):
        with pytest.raises(error):
            fail()


def test_a_cheap_question_takes_no_place(searches: Searches) -> None:
    gate = Gate(1, waiting=0)
    searches.start_running(gate)
    with gate.question():
        pass  # which never says that it is costly
    with pytest.raises(BusyError):
        try_to_enter(gate)


def test_outside_a_question_nothing_is_bounded() -> None:
    admit_costly()
    with Gate(1, waiting=0).question():
        pass
    admit_costly()


def test_never_more_run_than_may(searches: Searches) -> None:
    gate, lock = Gate(2, waiting=2), threading.Lock()
    running, most = 0, 0

    def search() -> None:
        nonlocal running, most
        for _ in range(200):
            try:
                with gate.question():
                    admit_costly()
                    with lock:
                        running += 1
                        most = max(most, running)
                    with lock:
                        running -= 1
            except BusyError:
                pass

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert 1 <= most <= 2
    for _ in range(2):
        searches.start_running(gate)  # all places are free again
