"""Real worker processes on a real queue and a real Postgres: killed and overwhelmed.

What else can befall them is in the folder `faults`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.database import Dsns
from tests.builders import as_file, make_records
from tests.faults import Gate
from tests.rig import wait_until
from tests.road import Road, kill, make_road
from tests.uploads import wait_until_written

# How many movies the import has in whose middle the worker is killed.
MANY = int(os.environ.get("MRU_KILL_MOVIES", "25000"))


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_road(aws, database, tmp_path) as road:
        yield road


def test_one_event_delivered_fifty_times_to_four_processes_is_one_import(road: Road) -> None:
    notification = road.upload(as_file(make_records(500)))
    for _ in range(50):
        road.announce(notification)
    with road.running_worker(MRU_CONCURRENCY="4"):
        road.wait_until_imported(1)
        road.wait_until_queue_is_empty()
    assert road.query("SELECT count(*) FROM movies") == [(500,)]
    assert road.query("SELECT read, inserted, attempts FROM imports") == [(500, 500, 1)]
    assert road.rig.count(road.rig.dead_queue_url) == 0


def test_a_large_import_survives_the_loss_of_its_process_and_of_its_worker(road: Road) -> None:
    body = as_file(make_records(MANY))
    notification = road.upload(body)
    # Each attempt gets half of the file and no more, so that it is killed in the middle however
    # quick the machine is.
    halves = Gate(len(body) // 2)
    place = f"GET /{notification.bucket}/{notification.key}"
    road.rig.proxy.plan(halves, operation=place, times=2)
    road.announce(notification)
    with road.running_worker() as worker:
        wait_until_written(road)
        (child,) = psutil.Process(worker.pid).children()
        child.kill()
        wait_until("it starts again", lambda: road.query("SELECT attempts FROM imports") == [(2,)])
        wait_until_written(road)
        kill(worker)
    assert road.query("SELECT count(*) FROM movies") == [(0,)]
    assert road.statuses() == ["running"]
    with road.running_worker():
        wait_until("it is done", lambda: road.statuses() == ["succeeded"])
        road.wait_until_queue_is_empty()
    assert road.query("SELECT count(*) FROM movies") == [(MANY,)]
    assert road.query("SELECT read, inserted, attempts FROM imports") == [(MANY, MANY, 3)]
