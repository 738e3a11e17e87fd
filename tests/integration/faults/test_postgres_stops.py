"""Postgres stands still, or is stopped and started again, while imports are under way. It is a
server of these tests' own.

MRU_OUTAGE_SECONDS=30 makes each outage last that long.
"""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.database import prepare_database
from local.postgres import Postgres
from tests.databases import FAST, PASSWORDS
from tests.road import Road, make_road
from tests.uploads import (
    check_all_is_well,
    check_imported_once,
    hold_up,
    put_movies,
    upload_movies,
    wait_until_put_off,
    wait_until_written,
)

OUTAGE_SECONDS = float(os.environ.get("MRU_OUTAGE_SECONDS", "5"))


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="mru-tests-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "postgres", options=FAST)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def shared_road(
    aws: str, server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Road]:
    dsns = prepare_database(server.address.dsn(), "movies", PASSWORDS)
    folder = tmp_path_factory.mktemp("outages")
    variables = {"MRU_CHUNK_RECORDS": "10", "MRU_RETRY_SECONDS": "1", "MRU_CONCURRENCY": "2"}
    with (
        make_road(aws, dsns, folder, visibility_seconds=3) as road,
        road.running_worker(**variables) as worker,
    ):
        yield road
        check_all_is_well(road, worker)


@pytest.fixture
def road(shared_road: Road) -> Road:
    shared_road.rig.proxy.clear()
    return shared_road


def signal_all(server: Postgres, number: signal.Signals) -> None:
    """Sends a signal to Postgres and all its processes."""
    main = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
    for process in (psutil.Process(main), *psutil.Process(main).children()):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that has just ended
            process.send_signal(number)


def test_imports_stand_still_while_postgres_does(road: Road, server: Postgres) -> None:
    first = put_movies(road)
    gate = hold_up(road, first)
    road.announce(first.notification)
    wait_until_written(road)
    signal_all(server, signal.SIGSTOP)
    try:
        gate.open()
        second = upload_movies(road)
        time.sleep(OUTAGE_SECONDS)
    finally:
        signal_all(server, signal.SIGCONT)
    check_imported_once(road, first)
    check_imported_once(road, second)


def test_imports_wait_for_a_postgres_that_was_stopped(road: Road, server: Postgres) -> None:
    first = put_movies(road)
    gate = hold_up(road, first)
    road.announce(first.notification)
    wait_until_written(road)
    server.stop()
    gate.open()
    second = upload_movies(road)
    wait_until_put_off(road, first, "The database did not serve: ")
    wait_until_put_off(road, second, "The database did not serve: ")
    time.sleep(OUTAGE_SECONDS)
    server.start()
    check_imported_once(road, first, attempts=2)
    check_imported_once(road, second)
