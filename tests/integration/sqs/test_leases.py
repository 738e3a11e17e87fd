"""What becomes of a message while its worker lives on: kept, lost, put off, given back."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests import faults
from tests.rig import Rig, make_rig, running_worker, wait_until


@pytest.fixture(scope="module")
def rig(moto_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("leases")
    with make_rig(moto_port, folder, visibility_seconds=3, max_receives=3) as rig:
        yield rig


@pytest.fixture(scope="module")
def shared_worker(rig: Rig) -> Iterator[subprocess.Popen[bytes]]:
    with running_worker(rig) as worker:
        yield worker


@pytest.fixture(autouse=True)
def worker(rig: Rig, shared_worker: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    rig.proxy.clear()
    yield shared_worker
    assert shared_worker.poll() is None, "the worker has exited"


def test_a_killed_child_costs_its_message_one_receipt_and_the_worker_nothing(rig: Rig) -> None:
    rig.send("probe.hold", "killed")
    (child,) = rig.wait_for("killed.started")
    os.kill(int(child), signal.SIGKILL)
    rig.wait_for("killed.started", 2)
    rig.let_go("killed")
    assert rig.wait_for("killed.done") == ["held"]
    rig.process_a_good_message()
    assert rig.count(rig.dead_queue_url) == 0


def test_a_worker_whose_event_loop_fails_polls_again(
    rig: Rig, worker: subprocess.Popen[bytes]
) -> None:
    rig.send("probe.hold", "stopped")
    rig.wait_for("stopped.started")
    worker.send_signal(signal.SIGUSR2)
    rig.wait_for("stopped.started", 2)  # the message was given back, and whoever had it stopped
    rig.let_go("stopped")
    assert rig.wait_for("stopped.done") == ["held"]
    rig.process_a_good_message()


def test_a_heartbeat_keeps_the_message_hidden_through_failing_extensions(rig: Rig) -> None:
    # Both attempts of the first extension fail; the second extension comes in time.
    plan = rig.proxy.plan(
        faults.status(503, "ServiceUnavailable"), operation="ChangeMessageVisibility", times=2
    )
    rig.send("probe.hold", "kept")
    rig.wait_for("kept.started")
    plan.wait(2)
    time.sleep(rig.visibility_seconds)  # nothing is to happen, for so long
    rig.let_go("kept")
    assert rig.wait_for("kept.done") == ["held"]
    assert len(rig.traces("kept.started")) == 1


def test_a_task_learns_that_its_message_is_gone(rig: Rig) -> None:
    plan = rig.proxy.plan(
        faults.status(400, "ReceiptHandleIsInvalid"), operation="ChangeMessageVisibility"
    )
    rig.send("probe.hold", "gone")
    plan.wait()
    rig.let_go("gone")
    assert rig.wait_for("gone.done") == ["lost"]


def test_a_postponed_message_comes_again_with_its_count_and_ends_up_dead(rig: Rig) -> None:
    rig.send("probe.fail", "passes", 1)
    rig.send("probe.fail", "stays", 99)
    assert rig.wait_for("passes", 2) == ["1", "2"]
    wait_until("the other is dead", lambda: rig.count(rig.dead_queue_url) == 1)
    assert rig.traces("stays") == ["1", "2", "3"]
    wait_until("nothing is left", lambda: rig.count(rig.queue_url) == 0)
