"""A Celery app for the SQS tests: the worker's own settings, and tasks that leave traces.

Run as `celery -A tests.probe_worker worker` by tests/rig.py, which says how the names are given.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from celery import Celery, signals
from celery.exceptions import SoftTimeLimitExceeded

from schemas.logs import configure_logs
from worker.celery_settings import celery_settings
from worker.lease import Lease, sqs_client

FOLDER: Final = Path(os.environ["PROBE_FOLDER"])
REGION: Final = os.environ["AWS_REGION"]
VISIBILITY_SECONDS: Final = int(os.environ["PROBE_VISIBILITY_SECONDS"])

app: Final = Celery("probe")
app.conf.update(
    celery_settings(
        os.environ["PROBE_QUEUE_URL"],
        REGION,
        soft_limit_seconds=float(os.environ["PROBE_SOFT_LIMIT_SECONDS"]),
        hard_limit_seconds=float(os.environ["PROBE_SOFT_LIMIT_SECONDS"]) + 1,
        visibility_seconds=VISIBILITY_SECONDS,
        concurrency=int(os.environ["PROBE_CONCURRENCY"]),
        wait_time_seconds=1,
        grace_seconds=1,
        soft_shutdown_seconds=0.5,
        heartbeat_file=str(FOLDER / "heartbeat"),
        tasks=[f"probe.{name}" for name in ("touch", "hold", "fail", "out_of_memory", "hang")],
    )
)


@signals.setup_logging.connect
def configure(**_: Any) -> None:
    configure_logs("probe", readable=True, stream=sys.stdout)


@signals.worker_ready.connect
def listen(**_: Any) -> None:
    signal.signal(signal.SIGUSR2, _break_the_event_loop)


def _break_the_event_loop(*_: Any) -> None:
    raise ConnectionResetError("The test wants the event loop to fail.")


def lease_of(task: Any) -> Lease:
    return Lease.of(task.request, lambda: sqs_client(REGION), visibility_seconds=VISIBILITY_SECONDS)


def trace(name: str, text: str = "") -> None:
    with (FOLDER / name).open("a") as file:
        file.write(text + "\n")


@app.task(name="probe.touch", bind=True)
def touch(self: Any, name: str) -> None:
    """Leaves how often its message has been received."""
    trace(name, str(lease_of(self).receive_count))


@app.task(name="probe.hold", bind=True)
def hold(self: Any, name: str) -> None:
    """Leaves its process's number, then works until it is let go, keeping its lease meanwhile."""
    lease = lease_of(self)
    with lease.heartbeat():
        trace(f"{name}.started", str(os.getpid()))
        while not (FOLDER / f"{name}.go").exists():
            time.sleep(0.02)
    trace(f"{name}.done", "lost" if lease.lost.is_set() else "held")


@app.task(name="probe.fail", bind=True)
def fail(self: Any, name: str, times: int) -> None:
    """Fails in a way that passes, so many times, each time putting the message off."""
    lease = lease_of(self)
    trace(name, str(lease.receive_count))
    if lease.receive_count <= times:
        lease.postpone(0.5)
        raise ConnectionError("It will pass.")


@app.task(name="probe.out_of_memory")
def out_of_memory() -> None:
    raise MemoryError


@app.task(name="probe.hang")
def hang(name: str) -> None:
    """Never ends by itself, and does not listen to the soft time limit."""
    trace(name)
    while True:
        try:
            time.sleep(60)
        except SoftTimeLimitExceeded:
            trace(name, "soft limit")
