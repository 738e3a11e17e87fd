"""An object is busy for long: its messages wait without being counted and without a process, the
ledger says why, and they go on within seconds once it is free.
"""

import contextlib
import functools
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local.database import Dsns
from tests.rig import DEADLINE_SECONDS, wait_until
from tests.road import Road, make_road
from tests.uploads import (
    Upload,
    check_all_is_well,
    check_imported_once,
    entry_of,
    id_of,
    put_movies,
    status_of,
    upload_movies,
)

RECEIVES = 2
SETTINGS = {"MRU_MAX_RECEIVES": str(RECEIVES), "MRU_RETRY_SECONDS": "1"}
STILL_WAITS = "import still waits for another of its object"


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    limits = {"visibility_seconds": 10, "max_receives": RECEIVES}
    with make_road(aws, database, tmp_path, **limits) as road:
        yield road


def tries_of(road: Road, upload: Upload) -> list[dict[str, Any]]:
    """Returns what the worker logged of each try that found the object busy, but the first."""
    return road.logged(STILL_WAITS, import_id=id_of(upload))


@contextlib.contextmanager
def lock_of(road: Road, upload: Upload) -> Iterator[Any]:
    """Holds the lock of an object, as a worker that imports another version of it does."""
    name = f"{upload.notification.bucket}/{upload.notification.key}"
    connection = psycopg2.connect(road.dsns.worker, application_name="another-worker")
    with contextlib.closing(connection):
        connection.autocommit = True
        connection.cursor().execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (name,))
        yield connection


def test_a_message_whose_object_is_busy_waits_uncounted_and_without_a_process(road: Road) -> None:
    upload = put_movies(road, 3)
    with road.running_worker(**SETTINGS) as worker:
        with lock_of(road, upload):
            road.announce(upload.notification)
            wait_until("it is entered", lambda: status_of(road, upload) == "queued")
            assert "another-worker" in entry_of(road, upload)["error"]
            other = upload_movies(road, 3)  # of the only process
            wait_until("another is imported", lambda: status_of(road, other) == "succeeded")
            # With a receipt for each try it would be dead by then.
            wait_until("it is tried often", lambda: len(tries_of(road, upload)) > RECEIVES)
        freed = time.monotonic()
        wait_until("it is imported", lambda: status_of(road, upload) == "succeeded")
        assert time.monotonic() - freed < 15
        check_imported_once(road, upload)
        assert {line["receives"] for line in tries_of(road, upload)} == {1}
        check_all_is_well(road, worker)


def test_more_messages_than_processes_wait_for_one_object(road: Road) -> None:
    first = put_movies(road, 3)
    with road.running_worker(**SETTINGS) as worker:
        with lock_of(road, first):
            uploads = [upload_movies(road, 3, key=first.notification.key) for _ in range(5)]
            for upload in uploads:
                is_queued = functools.partial(_is, road, upload, "queued")
                wait_until("it is entered", is_queued)
        last = uploads[-1]
        wait_until("the last one is imported", lambda: status_of(road, last) == "succeeded")
        road.wait_until_queue_is_empty()
        check_all_is_well(road, worker)


def _is(road: Road, upload: Upload, status: str) -> bool:
    return status_of(road, upload) == status


def test_a_worker_that_ends_gives_back_what_waits_for_a_busy_object(road: Road) -> None:
    upload = put_movies(road, 3)
    with lock_of(road, upload):
        with road.running_worker(MRU_VISIBILITY_SECONDS="300", **SETTINGS) as worker:
            road.announce(upload.notification)
            wait_until("it waits", lambda: road.logged(STILL_WAITS, import_id=id_of(upload)))
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(DEADLINE_SECONDS) == 0
        wait_until("others can have it", lambda: road.rig.waiting() == 1)
    with road.running_worker(**SETTINGS):
        check_imported_once(road, upload)
