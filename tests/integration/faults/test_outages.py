"""The database or S3 is away for much longer than it takes to receive a message too often: nothing
becomes a dead letter, and all is imported once it is back, with nobody's help.

An hour of delays is shortened to seconds here: a message that fails comes again after a second, and
may be received three times.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.database import Dsns
from local.postgres import Address
from tests import faults
from tests.databases import make_database
from tests.proxies import TcpProxy
from tests.rig import wait_until
from tests.road import Road, Site, Worker, make_road
from tests.uploads import (
    check_all_is_well,
    check_imported_once,
    put_movies,
    status_of,
    upload_movies,
    wait_until_put_off,
)

RECEIVES = 3
BACKLOG = 8
RESUMED_SECONDS = 15
# Long enough for each message to be received some ten times, and to die after three.
OUTAGE_SECONDS = float(os.environ.get("MRU_OUTAGE_SECONDS", "15"))
SETTINGS = {
    "MRU_MAX_RECEIVES": str(RECEIVES),
    "MRU_RETRY_SECONDS": "1",
    "MRU_CONCURRENCY": "2",
}


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_road(aws, database, tmp_path, visibility_seconds=1, max_receives=RECEIVES) as road:
        yield road


@pytest.fixture
def site(postgres: Address, road: Road) -> Iterator[Site]:
    with (
        TcpProxy(postgres.port) as proxy,
        road.running_worker(MRU_DB_PORT=str(proxy.port), **SETTINGS) as worker,
    ):
        yield Site(road, proxy, worker)


def check_a_backlog_waits(road: Road, worker: Worker, service: str) -> None:
    """Uploads files during an outage, lets it last, and fails unless they wait in the queue."""
    for _ in range(BACKLOG):
        upload_movies(road, 3)
    wait_until("the worker stops", lambda: road.logged("receiving is paused", service=service))
    receives = road.rig.proxy.count("ReceiveMessage")
    time.sleep(OUTAGE_SECONDS)
    # A poll that was under way when the outage started may be followed by no other.
    assert road.rig.proxy.count("ReceiveMessage") <= receives + 1
    assert road.rig.count(road.rig.dead_queue_url) == 0
    assert road.rig.count(road.rig.queue_url) == BACKLOG
    assert worker.poll() is None


def check_the_backlog_is_imported(road: Road, worker: Worker) -> None:
    """Fails unless all is imported after an outage, the first file within seconds."""
    before = len(road.logged("import succeeded"))
    ended_at = time.monotonic()
    wait_until("the worker goes on", lambda: len(road.logged("import succeeded")) > before)
    assert time.monotonic() - ended_at < RESUMED_SECONDS
    road.wait_until_imported(BACKLOG + 1)
    check_all_is_well(road, worker)


def test_no_message_dies_while_the_database_is_away(site: Site) -> None:
    check_imported_once(site.road, upload_movies(site.road, 3))
    site.postgres.refusing = True
    site.postgres.cut()
    check_a_backlog_waits(site.road, site.worker, "database")
    site.postgres.refusing = False
    check_the_backlog_is_imported(site.road, site.worker)


S3_AWAY = {"closed": faults.close, "503": faults.s3_error(503, "ServiceUnavailable")}


@pytest.mark.parametrize("fault", S3_AWAY.values(), ids=S3_AWAY)
def test_no_message_dies_while_s3_is_away(site: Site, fault: faults.Fault) -> None:
    check_imported_once(site.road, upload_movies(site.road, 3))
    away = site.road.rig.proxy.plan(fault, operation="GET ", times=1_000_000)
    check_a_backlog_waits(site.road, site.worker, "s3")
    away.left = 0
    check_the_backlog_is_imported(site.road, site.worker)


def test_a_worker_that_starts_while_the_database_is_away_takes_no_message(
    postgres: Address, aws: str, tmp_path: Path
) -> None:
    with (
        make_database(postgres) as dsns,
        make_road(aws, dsns, tmp_path, visibility_seconds=1, max_receives=RECEIVES) as road,
        TcpProxy(postgres.port) as proxy,
    ):
        proxy.refusing = True
        upload = upload_movies(road, 3)
        with road.running_worker(MRU_DB_PORT=str(proxy.port), **SETTINGS):
            wait_until("it waits", lambda: road.logged("receiving is paused", service="database"))
            assert road.rig.proxy.count("ReceiveMessage") == 0
            proxy.refusing = False
            check_imported_once(road, upload)


def test_one_object_that_s3_does_not_hand_out_stops_no_other(site: Site) -> None:
    bad = put_movies(site.road, 3)
    site.road.rig.proxy.plan(
        faults.s3_error(500, "InternalError"), operation=bad.place, times=1_000_000
    )
    site.road.announce(bad.notification)
    wait_until_put_off(site.road, bad, "S3 answered 500 InternalError")
    good = upload_movies(site.road, 3)
    wait_until("the other is imported", lambda: status_of(site.road, good) == "succeeded")
    assert site.road.logged("receiving is paused") == []
