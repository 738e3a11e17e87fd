"""What becomes of a message when its worker ends, or its time is up."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import Rig, end, make_rig, running_worker


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


def test_a_killed_worker_leaves_its_message_to_the_next_one(rig: Rig) -> None:
    with running_worker(rig, concurrency=1) as worker:
        rig.send("probe.hold", "task")
        rig.wait_for("task.started")
        os.killpg(worker.pid, signal.SIGKILL)
    rig.let_go("task")
    with running_worker(rig, concurrency=1):
        assert rig.wait_for("task.done") == ["held"]


def test_a_task_that_ignores_its_soft_limit_is_killed_and_its_message_released(rig: Rig) -> None:
    with running_worker(rig, concurrency=1, soft_limit_seconds=0.5) as worker:
        rig.send("probe.hang", "task")
        assert rig.wait_for("task", 3) == ["", "soft limit", ""]
        assert worker.poll() is None
