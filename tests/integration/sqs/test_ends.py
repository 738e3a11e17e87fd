"""What becomes of a message when a process ends, a time limit strikes, or a lease is lost."""

import os
import signal
import time
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


def test_a_killed_child_costs_its_message_one_receipt_and_the_worker_nothing(rig: Rig) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.send("probe.hold", "task")
        (child,) = rig.wait_for("task.started")
        os.kill(int(child), signal.SIGKILL)
        rig.wait_for("task.started", 2)
        rig.let_go("task")
        rig.wait_for("task.done")
        rig.process_a_good_message()
        assert worker.poll() is None
    assert rig.count(rig.dead_queue_url) == 0


def test_a_killed_worker_leaves_its_message_to_the_next_one(rig: Rig) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.send("probe.hold", "task")
        rig.wait_for("task.started")
        os.killpg(worker.pid, signal.SIGKILL)
    rig.let_go("task")
    with running_worker(rig, concurrency=1):
        assert rig.wait_for("task.done") == ["held"]


def test_a_worker_whose_event_loop_fails_polls_again(rig: Rig) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.send("probe.hold", "task")
        rig.wait_for("task.started")
        worker.send_signal(signal.SIGUSR2)
        rig.wait_for("task.started", 2)  # the message was given back, and whoever had it stopped
        rig.let_go("task")
        rig.process_a_good_message()
        assert rig.traces("task.done") == ["held"]
        assert worker.poll() is None


def test_a_task_that_ignores_its_soft_limit_is_killed_and_its_message_released(rig: Rig) -> None:
    with running_worker(rig, concurrency=1, soft_limit_seconds=0.5) as worker:
        rig.send("probe.hang", "task")
        assert rig.wait_for("task", 3) == ["", "soft limit", ""]
        assert worker.poll() is None


def test_a_heartbeat_keeps_the_message_hidden_through_failing_extensions(rig: Rig) -> None:
    with running_worker(rig, concurrency=2):
        # Both attempts of the first extension fail; the second extension comes in time.
        plan = rig.proxy.plan(
            faults.status(503, "ServiceUnavailable"), operation="ChangeMessageVisibility", times=2
        )
        rig.send("probe.hold", "task")
        rig.wait_for("task.started")
        plan.wait(2)
        time.sleep(rig.visibility_seconds)  # nothing is to happen, for so long
        rig.let_go("task")
        assert rig.wait_for("task.done") == ["held"]
        assert len(rig.traces("task.started")) == 1


def test_a_task_learns_that_its_message_is_gone(rig: Rig) -> None:
    with running_worker(rig, concurrency=1):
        rig.send("probe.hold", "task")
        rig.wait_for("task.started")
        plan = rig.proxy.plan(
            faults.status(400, "ReceiptHandleIsInvalid"), operation="ChangeMessageVisibility"
        )
        plan.wait()
        rig.let_go("task")
        assert rig.wait_for("task.done") == ["lost"]


def test_a_postponed_message_comes_again_with_its_count_and_ends_up_dead(rig: Rig) -> None:
    with running_worker(rig, concurrency=2):
        rig.send("probe.fail", "passes", 1)
        rig.send("probe.fail", "stays", 99)
        assert rig.wait_for("passes", 2) == ["1", "2"]
        wait_until("the other is dead", lambda: rig.count(rig.dead_queue_url) == 1)
        assert rig.traces("stays") == ["1", "2", "3"]
        wait_until("nothing is left", lambda: rig.count(rig.queue_url) == 0)
