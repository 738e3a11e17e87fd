"""The circuit breaker before the movies, by a clock that a test moves."""

import contextlib
import threading

import pytest

from api.breaker import Breaker, UnansweredError
from api.errors import (
    ApiError,
    BusyError,
    ClientGoneError,
    DatabaseUnavailableError,
    InvalidError,
)

DEADLINE_SECONDS = 30


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("api.breaker.time", clock)
    return clock


def fail(breaker: Breaker, error: BaseException | None = None) -> None:
    error = error or UnansweredError("locked")
    with contextlib.suppress(type(error)), breaker.question():
        raise error


def ask(breaker: Breaker) -> bool:
    """Asks what is answered; returns whether it was a trial."""
    with breaker.question() as is_trial:
        return is_trial


def is_open(breaker: Breaker) -> bool:
    """Whether questions are rejected at once, where no trial is due."""
    busy = BusyError()
    with contextlib.suppress(BusyError, UnansweredError), breaker.question() as is_trial:
        assert not is_trial
        raise busy  # which leaves all as it is
    return busy.__traceback__ is None


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(3):
        fail(breaker)
    return breaker


def test_it_opens_at_the_third_failure_in_a_row(clock: Clock) -> None:
    breaker = Breaker()
    for _ in range(2):
        fail(breaker)
        assert not is_open(breaker)
    fail(breaker)
    assert is_open(breaker)


def test_an_answer_between_failures_starts_the_count_anew(clock: Clock) -> None:
    breaker = Breaker()
    for _ in range(5):
        fail(breaker)
        fail(breaker)
        assert not ask(breaker)
    assert not is_open(breaker)


def test_an_open_one_says_what_the_last_failure_said(clock: Clock) -> None:
    breaker = Breaker()
    for detail in ("away", "away", "locked"):
        fail(breaker, UnansweredError(detail))
    with pytest.raises(UnansweredError, match="locked"):
        ask(breaker)


@pytest.mark.parametrize(
    "error",
    [
        ClientGoneError(),
        BusyError(),
        DatabaseUnavailableError("too late"),
        InvalidError([("title", "No.")]),
    ],
)
def test_what_says_nothing_of_the_database_changes_nothing(clock: Clock, error: ApiError) -> None:
    breaker = Breaker()
    for _ in range(3):
        fail(breaker, error)
        fail(breaker)
    assert is_open(breaker)


def test_a_fault_of_ours_is_an_answer_all_the_same(clock: Clock) -> None:
    breaker = Breaker()
    for _ in range(3):
        fail(breaker)
        fail(breaker, ZeroDivisionError())
    assert not is_open(breaker)


def test_once_a_second_one_question_is_a_trial(clock: Clock) -> None:
    breaker = opened()
    clock.now += 0.99
    assert is_open(breaker)
    clock.now += 0.01
    for _ in range(3):
        with contextlib.suppress(UnansweredError), breaker.question() as is_trial:
            assert is_trial
            raise UnansweredError("still locked")
        assert is_open(breaker)
        clock.now += 1


def test_a_trial_that_is_answered_lets_all_others_through(clock: Clock) -> None:
    breaker = opened()
    clock.now += 1
    assert ask(breaker)
    assert not ask(breaker)
    fail(breaker)
    fail(breaker)
    assert not is_open(breaker)  # it takes three again


def test_only_one_trial_runs_however_long_it_takes(clock: Clock) -> None:
    breaker = opened()
    clock.now += 1
    with contextlib.suppress(UnansweredError), breaker.question() as is_trial:
        assert is_trial
        clock.now += 10
        assert is_open(breaker)
        raise UnansweredError("away")
    assert is_open(breaker)  # a second begins with the end of the last one
    clock.now += 1
    assert ask(breaker)


def test_a_trial_that_says_nothing_is_followed_by_another(clock: Clock) -> None:
    breaker = opened()
    clock.now += 1
    fail(breaker, BusyError())
    assert is_open(breaker)
    clock.now += 1
    assert ask(breaker)
    assert not is_open(breaker)


def test_an_old_question_that_is_answered_late_closes_it(clock: Clock) -> None:
    breaker = Breaker()
    with breaker.question():
        for _ in range(3):
            fail(breaker)
        assert is_open(breaker)
    assert not is_open(breaker)


def test_of_many_threads_one_has_the_trial(clock: Clock) -> None:
    breaker, trials, rejected = opened(), [], []
    clock.now += 1
    all_tried = threading.Barrier(9)

    def search() -> None:
        try:
            with breaker.question() as is_trial:
                trials.append(is_trial)
                all_tried.wait(DEADLINE_SECONDS)
        except UnansweredError:
            rejected.append(1)
            all_tried.wait(DEADLINE_SECONDS)

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    all_tried.wait(DEADLINE_SECONDS)
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert (trials, len(rejected)) == ([True], 7)
