"""A message is given to a second process while the first still works on it: one of them does the
import, the other stops or is fenced out.
"""

from tests import faults
from tests.rig import wait_until
from tests.road import Road
from tests.uploads import (
    check_imported_once,
    entry_of,
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


def test_an_import_that_was_taken_over_unnoticed_is_fenced_out_at_its_end(road: Road) -> None:
    upload = put_movies(road)
    gate = hold_up(road, upload)
    road.announce(upload.notification)
    wait_until_written(road)
    assert road.query(CUT_OFF) == [(True,)]
    road.announce(upload.notification)
    wait_until("it is taken over", lambda: entry_of(road, upload)["attempts"] == 2)
    wait_until("it waits for the rows", lambda: road.query(WAITS, "transactionid"))
    gate.open()
    check_imported_once(road, upload, attempts=2)
    (fenced,) = road.logged("import put off", import_id=id_of(upload))
    assert fenced["reason"] == "Another worker has taken this import over."
    assert len(road.logged("import succeeded", import_id=id_of(upload))) == 1
