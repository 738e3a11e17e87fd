"""What a scrape asks for: answers are kept for a while; what does not answer fails no scrape."""

import os
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric

from schemas.settings import DatabaseSettings
from worker import forking, probes
from worker.forking import Gate
from worker.probes import AgeOfLastPoll, LedgerProbe, Probe


@pytest.fixture
def gate() -> Iterator[Gate]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Gate(listener)


class Thermometer(Probe):
    """Answers 20, 21, 22 … where it answers."""

    name = "thermometer"
    broken = False
    asked = 19

    def ask(self) -> list[Metric]:
        if self.broken:
            raise TimeoutError
        self.asked += 1
        return [GaugeMetricFamily("degrees", "How warm it is.", value=self.asked)]


def test_an_answer_is_kept_for_a_while(gate: Gate) -> None:
    now = 0.0
    registry = CollectorRegistry()
    registry.register(Thermometer(gate, lambda: now))
    assert registry.get_sample_value("degrees") == 20
    now = probes.GOOD_FOR_SECONDS - 1
    assert registry.get_sample_value("degrees") == 20
    now = probes.GOOD_FOR_SECONDS
    assert registry.get_sample_value("degrees") == 21
    assert registry.get_sample_value("mru_probe_up", {"source": "thermometer"}) == 1


def test_what_does_not_answer_is_missing_and_is_said_to_be(gate: Gate) -> None:
    probe = Thermometer(gate)
    probe.broken = True
    registry = CollectorRegistry()
    registry.register(probe)
    registry.register(AgeOfLastPoll(lambda: None, began=time.monotonic()))
    assert registry.get_sample_value("degrees") is None
    assert registry.get_sample_value("mru_probe_up", {"source": "thermometer"}) == 0
    assert registry.get_sample_value("mru_worker_last_poll_age_seconds") is not None


def test_a_postgres_that_says_nothing_is_not_waited_for(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "_ASK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = DatabaseSettings(
            host="127.0.0.1", port=silent.getsockname()[1], user="u", password="p", name="n"
        )
        started = time.monotonic()
        (up,) = LedgerProbe(settings, gate).collect()
    assert [sample.value for sample in up.samples] == [0]
    assert time.monotonic() - started < 2


def test_the_age_of_the_last_poll_goes_on_while_there_is_no_connection() -> None:
    polls: list[float | None] = [None, time.monotonic() - 50, None]
    age = AgeOfLastPoll(lambda: polls.pop(0), began=time.monotonic() - 100)
    ages = [metric.samples[0].value for _ in range(3) for metric in age.collect()]
    assert ages == pytest.approx([100, 50, 50], abs=5)


def test_a_child_has_neither_the_port_nor_a_lock_that_is_taken(gate: Gate) -> None:
    listener = gate._listener
    assert listener is not None
    child = os.fork()
    if child == 0:
        free = listener.fileno() == -1 and gate._asking.acquire(timeout=1)
        os._exit(0 if free else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert listener.fileno() != -1


def test_a_fork_waits_for_a_question_but_not_without_end(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "_FORK_SECONDS", 0.1)
    started = time.monotonic()
    with gate.asking():
        child = os.fork()
        if child == 0:
            os._exit(0)
        assert time.monotonic() - started >= 0.1
    os.waitpid(child, 0)
    with gate.asking():
        pass
