"""A message is given to a second process while the first still works on it: one of them does the
import, the other stops or is fenced out.
"""

from typing import Any

from tests import faults
from tests.rig import wait_until
from tests.road import Road
from tests.uploads import (
    Upload,
    check_imported_once,
    hold_up,
    id_of,
    put_movies,
    wait_until_written,
)

# Whoever holds the lock of an object; the shared locks of `store.begin` are another matter.
CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
WAITS = """
SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = %s
"""


def wait_for_put_off(road: Road, upload: Upload) -> list[dict[str, Any]]:
    """Waits until an import is put off, and returns the lines that say so."""
    wait_until("it ends", lambda: road.logged("import put off", import_id=id_of(upload)))
    return road.logged("import put off", import_id=id_of(upload))


def test_an_import_whose_message_was_lost_to_another_process_is_left_to_it(road: Road) -> None:
    upload = put_movies(road)
    gate = hold_up(road, upload)
    refused = road.rig.proxy.plan(
        faults.status(503, "ServiceUnavailable"), operation="ChangeMessageVisibility", times=1000
    )
    road.announce(upload.notification)
    wait_until_written(road)
    lost = {"import_id": id_of(upload)}
    wait_until("the lease is lost", lambda: road.logged("a lease is lost", **lost))
    wait_until("another process has the message", lambda: road.query(WAITS, "advisory"))
    refused.left = 0
    gate.open()
    check_imported_once(road, upload, attempts=2)
    assert len(road.logged("import left to others", **lost)) == 1
    assert len(road.logged("import succeeded", **lost)) == 1


def test_an_import_that_was_taken_over_unnoticed_loses_its_session_at_once(road: Road) -> None:
    upload = put_movies(road)
    gate = hold_up(road, upload)
    road.announce(upload.notification)
    wait_until_written(road)
    assert road.query(CUT_OFF) == [(True,)]
    road.announce(upload.notification)
    check_imported_once(road, upload, attempts=2)  # while the first is still held up
    assert len(road.logged("sessions of a lost worker ended", key=upload.notification.key)) == 1
    gate.open()
    (ended,) = wait_for_put_off(road, upload)
    assert ended["reason"].startswith("The database did not serve: ")
    road.wait_until_queue_is_empty()
    assert len(road.logged("import succeeded", import_id=id_of(upload))) == 1
