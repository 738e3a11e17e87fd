"""A worker is frozen, or its connection is, in any stage of an import: others go on at once, its
object is free within a minute, and the import is done once.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.database import Dsns
from local.postgres import Address
from tests import faults
from tests.proxies import TcpProxy
from tests.rig import wait_until
from tests.road import Road, Worker, make_road
from tests.uploads import (
    Upload,
    hold_up,
    put_movies,
    status_of,
    titles_of,
    upload_movies,
    wait_until_written,
)

OTHERS_SECONDS = 2
FREE_SECONDS = 60
# Until SQS gives the frozen worker's message to another one: longer than its object is locked.
SETTINGS = {"MRU_CHUNK_RECORDS": "10", "MRU_RETRY_SECONDS": "1", "MRU_VISIBILITY_SECONDS": "120"}


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_road(aws, database, tmp_path) as road:
        yield road


def wait_until_asked(road: Road) -> None:
    wait_until("it asks S3", lambda: road.rig.proxy.count(f"GET /{road.bucket}/") >= 2)


def hold_all(road: Road, upload: Upload) -> faults.Gate:
    """Keeps even the first byte of the file back."""
    gate = faults.Gate()
    road.rig.proxy.plan(gate, operation=upload.place)
    return gate


# Where the import is when it is frozen: what S3 keeps back, and how a test sees that it is there.
STAGES: dict[str, tuple[Callable[[Road, Upload], faults.Gate], Callable[[Road], None]]] = {
    "opening": (hold_all, wait_until_asked),
    "writing": (hold_up, wait_until_written),
}


@contextlib.contextmanager
def frozen_process(worker: Worker) -> Iterator[None]:
    os.killpg(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(worker.pid, signal.SIGCONT)


def check_others_go_on(road: Road, frozen: Upload) -> None:
    """Fails unless others import another file at once, and then another version of the object."""
    began = time.monotonic()
    other = upload_movies(road, 3)
    version = upload_movies(road, 3, key=frozen.notification.key)
    wait_until("another file is imported", lambda: status_of(road, other) == "succeeded")
    others_took = time.monotonic() - began
    assert titles_of(road, frozen) == []
    wait_until("its object is imported", lambda: status_of(road, version) == "succeeded")
    print(f"others {others_took:.1f} s, object {time.monotonic() - began:.1f} s")
    assert others_took < OTHERS_SECONDS
    assert time.monotonic() - began < FREE_SECONDS


@pytest.mark.parametrize("stage", STAGES)
def test_a_frozen_worker_keeps_its_object_for_less_than_a_minute(road: Road, stage: str) -> None:
    hold, wait_until_there = STAGES[stage]
    upload = put_movies(road)
    gate = hold(road, upload)
    with road.running_worker(**SETTINGS) as first:
        road.announce(upload.notification)
        wait_until_there(road)
        with road.running_worker(**SETTINGS) as second, frozen_process(first):
            check_imported_once_by(road, second)
            check_others_go_on(road, upload)
            # The second worker is killed next, and must not take a message with it.
            queue = road.rig.queue_url
            wait_until("its messages are done", lambda: road.rig.count(queue) == 1)
        gate.open()
        # S3 reads on what it began with, whatever has been put since; or the old version is gone.
        ended = ("succeeded", "superseded")
        wait_until("the first ends", lambda: status_of(road, upload) in ended)
        road.wait_until_queue_is_empty()


def check_imported_once_by(road: Road, worker: Worker) -> None:
    """Waits until a worker is ready and has imported something."""
    ready = upload_movies(road, 3)
    wait_until("it is ready", lambda: status_of(road, ready) == "succeeded")
    assert worker.poll() is None


@pytest.mark.parametrize("only", [b"", b"INSERT INTO movies"], ids=["both", "movies"])
def test_a_frozen_connection_keeps_its_object_for_less_than_a_minute(
    road: Road, postgres: Address, only: bytes
) -> None:
    upload = put_movies(road)
    gate = hold_up(road, upload)
    with (
        TcpProxy(postgres.port) as proxy,
        road.running_worker(MRU_DB_PORT=str(proxy.port), **SETTINGS),
    ):
        road.announce(upload.notification)
        wait_until_written(road)
        with road.running_worker(**SETTINGS) as second:
            proxy.freeze(only)
            check_imported_once_by(road, second)
            check_others_go_on(road, upload)
            # The frozen worker notices by itself: its process does not wait for its hard limit.
            put_off = {"key": upload.notification.key}
            wait_until("it is put off", lambda: road.logged("import put off", **put_off))
            proxy.thaw()
            gate.open()
            ended = ("succeeded", "superseded")
            wait_until("it ends", lambda: status_of(road, upload) in ended)
            road.wait_until_queue_is_empty()
