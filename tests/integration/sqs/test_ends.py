"""What becomes of a message when its worker ends, or its time is up."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import faults
from tests.rig import Rig, end, make_rig, running_worker, wait_until


@pytest.fixture
def rig(moto_port: int, tmp_path: Path) -> Iterator[Rig]:
    with make_rig(moto_port, tmp_path, visibility_seconds=3, max_receives=3) as rig:
        yield rig


def test_sigterm_finishes_the_task_at_hand_and_exits_well(rig: Rig) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.send("probe.hold", "first")
        rig.wait_for("first.started")
        worker.send_signal(signal.SIGTERM)
        rig.send("probe.touch", "second")
        rig.let_go("first")
        assert worker.wait(20) == 0
    assert rig.traces("first.done") == ["held"]
    assert rig.count(rig.queue_url) == 1  # the second message, untouched
    assert rig.traces("second") == []


def test_sigquit_gives_the_message_back(rig: Rig) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.send("probe.hold", "task")
        rig.wait_for("task.started")
        end(worker, signal.SIGQUIT)
    rig.let_go("task")
    with running_worker(rig, concurrency=1):
        assert rig.wait_for("task.done") == ["held"]


def test_a_worker_that_is_killed_as_it_begins_leaves_its_message_to_the_next_one_soon(
    rig: Rig,
) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.send("probe.hold", "task")
        rig.wait_for("task.started")
        os.killpg(worker.pid, signal.SIGKILL)
        # Before its first heartbeat: all that hides the message is what the receipt asked for.
        assert rig.proxy.count("ChangeMessageVisibility") == 0
    check_that_the_next_worker_does_it_soon(rig)


def test_a_message_that_never_reached_its_worker_comes_again_soon(rig: Rig) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.process_a_good_message()  # the worker runs
        lost = rig.proxy.plan(faults.Gate(after_bytes=1), operation="ReceiveMessage")
        lost.wait()  # the answer that is to bring it is kept back
        rig.send("probe.hold", "task")
        wait_until("it is on its way", lambda: rig.waiting() == 0)
        os.killpg(worker.pid, signal.SIGKILL)
    assert rig.traces("task.started") == []
    check_that_the_next_worker_does_it_soon(rig)


def check_that_the_next_worker_does_it_soon(rig: Rig) -> None:
    """Fails if it takes as long as the queue hides messages by itself, or if both had it."""
    rig.let_go("task")
    with running_worker(rig, concurrency=1):
        assert rig.wait_for("task.done") == ["held"]
        wait_until("it is deleted", lambda: rig.count(rig.queue_url) == 0)
    assert rig.count(rig.dead_queue_url) == 0


def test_a_task_that_ignores_its_soft_limit_is_killed_and_its_message_released(rig: Rig) -> None:
    with running_worker(rig, concurrency=1, soft_limit_seconds=0.5) as worker:
        rig.send("probe.hang", "task")
        assert rig.wait_for("task", 3) == ["", "soft limit", ""]
        assert worker.poll() is None
