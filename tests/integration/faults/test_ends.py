"""How imports end that cannot go on, and those whose worker is gone just as they end."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from local.database import Dsns
from tests import faults
from tests.rig import wait_until
from tests.road import Road, make_road
from tests.uploads import (
    check_all_is_well,
    check_imported_once,
    entry_of,
    id_of,
    put_movies,
    status_of,
    titles_of,
    upload_movies,
)

TASK_SECONDS = 10  # the least that there can be
SETTINGS = {"MRU_RETRY_SECONDS": "1", "MRU_CHUNK_RECORDS": "10"}
WAITS_TO_COMMIT = """
SELECT query FROM pg_stat_activity WHERE datname = current_database()
AND wait_event_type = 'Lock' AND query LIKE 'UPDATE data_version%%'
"""


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_road(aws, database, tmp_path, visibility_seconds=5, max_receives=10) as road:
        yield road


def test_an_import_that_takes_too_long_twice_is_given_up(road: Road) -> None:
    upload = put_movies(road)
    gate = faults.Gate(after_bytes=400_000)
    road.rig.proxy.plan(gate, operation=upload.place, times=10)
    with road.running_worker(MRU_TASK_SECONDS=str(TASK_SECONDS), **SETTINGS) as worker:
        road.announce(upload.notification)
        wait_until("it is given up", lambda: status_of(road, upload) == "failed")
        road.wait_until_queue_is_empty()
        entry = entry_of(road, upload)
        assert (entry["error_code"], entry["attempts"]) == ("gave_up", 2)
        assert entry["error"] == "Given up: Each of two attempts took longer than 10 seconds."
        assert titles_of(road, upload) == []
        (put_off,) = road.logged("import put off", import_id=id_of(upload))
        assert put_off["reason"] == "It took longer than 10 seconds."
        check_all_is_well(road, worker)


def test_a_worker_that_is_frozen_as_it_commits_keeps_nobody_waiting(road: Road) -> None:
    with (
        road.running_worker(**SETTINGS) as worker,
        contextlib.closing(psycopg2.connect(road.dsns.admin)) as other,
    ):
        check_imported_once(road, upload_movies(road, 3))
        other.cursor().execute("UPDATE data_version SET version = version")
        upload = upload_movies(road)
        wait_until("it waits for the version", lambda: road.query(WAITS_TO_COMMIT))
        os.killpg(worker.pid, signal.SIGSTOP)
        try:
            other.rollback()
            began = time.monotonic()
            other.cursor().execute("UPDATE data_version SET version = version + 1")
            other.commit()
            assert time.monotonic() - began < 2
            assert status_of(road, upload) == "succeeded"
        finally:
            os.killpg(worker.pid, signal.SIGCONT)
        check_imported_once(road, upload)
        assert len(road.logged("import succeeded", import_id=id_of(upload))) == 1


def test_an_import_is_done_and_counted_though_its_indexes_could_not_be_flushed(
    road: Road,
) -> None:
    road.execute(
        "CREATE OR REPLACE FUNCTION mru_flush_search_indexes() RETURNS void LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'There is no room left.' USING ERRCODE = 'disk_full'; END $$"
    )
    upload = put_movies(road, 3, padding=1024 * 1024)  # large enough to be flushed
    with road.running_worker(**SETTINGS):
        road.announce(upload.notification)
        check_imported_once(road, upload)
        flushed = {"reason": "The database did not serve: There is no room left."}
        assert road.logged("search indexes were not flushed", **flushed)
        assert len(road.logged("import succeeded", import_id=id_of(upload))) == 1
        assert road.logged("import put off") == []
