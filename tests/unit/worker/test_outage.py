"""A service is in doubt: the worker asks until it is answered, and receives nothing until then."""

import threading

import pytest

from worker import outage
from worker.errors import DatabaseError, S3Error, TransientError
from worker.outage import Watch

PATIENCE_SECONDS = 30


class Service:
    """A service that serves from a given check on."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.left = failures
        self.error = error or DatabaseError("It is away.")
        self.checks = 0
        self.answered = threading.Event()

    def check(self) -> None:
        self.checks += 1
        if self.left > 0:
            self.left -= 1
            raise self.error
        self.answered.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(outage, "_watches", [])


def wait_until_calm(watch: Watch) -> None:
    for thread in threading.enumerate():
        if thread.name == "outage":
            thread.join(PATIENCE_SECONDS)
    assert watch.is_calm


def test_a_worker_that_watches_nothing_receives() -> None:
    assert outage.may_receive()


def test_nothing_is_received_from_the_doubt_on_until_the_service_answers() -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def check() -> None:
        asked.set()
        assert may_answer.wait(PATIENCE_SECONDS)

    watch = Watch({"database": check})
    outage._watches.append(watch)
    assert outage.may_receive()
    outage.note(DatabaseError("It broke."))
    assert not outage.may_receive()
    assert asked.wait(PATIENCE_SECONDS)
    assert not outage.may_receive()
    may_answer.set()
    wait_until_calm(watch)
    assert outage.may_receive()


def test_a_service_is_asked_until_it_answers() -> None:
    service = Service(failures=4)
    watch = Watch({"database": service.check})
    watch.doubt("database")
    assert service.answered.wait(PATIENCE_SECONDS)
    wait_until_calm(watch)
    assert service.checks == 5


def test_a_check_that_breaks_is_no_answer_and_not_the_end() -> None:
    service = Service(failures=2, error=ZeroDivisionError("a fault of ours"))
    watch = Watch({"s3": service.check})
    watch.doubt("s3")
    wait_until_calm(watch)
    assert service.checks == 3


def test_only_what_is_in_doubt_is_asked() -> None:
    database, s3 = Service(), Service()
    watch = Watch({"database": database.check, "s3": s3.check})
    outage._watches.append(watch)
    outage.note(S3Error("S3 broke off."))
    outage.note(TransientError("This import met another."))
    outage.note(ValueError("not ours"))
    wait_until_calm(watch)
    assert (database.checks, s3.checks) == (0, 1)
