"""SQS fails, in every way it can, around whole imports: each of them is done, and done once."""

import pytest

from tests import faults
from tests.rig import wait_until
from tests.road import Road
from tests.uploads import (
    check_imported_once,
    hold_up,
    id_of,
    put_movies,
    upload_movies,
    wait_until_written,
)

RECEIVE_FAULTS = {
    "500": faults.status(500, "InternalFailure"),
    "503": faults.status(503, "ServiceUnavailable"),
    "400": faults.status(400, "ThrottlingException"),
    "403": faults.status(403, "AccessDeniedException"),
    "closed": faults.close,
}


@pytest.mark.parametrize("fault", RECEIVE_FAULTS.values(), ids=RECEIVE_FAULTS)
def test_imports_go_on_after_a_failed_receive(road: Road, fault: faults.Fault) -> None:
    plan = road.rig.proxy.plan(fault, operation="ReceiveMessage")
    early = upload_movies(road)  # answers the poll that is under way; the next one fails
    plan.wait()
    check_imported_once(road, early)
    check_imported_once(road, upload_movies(road))


def test_a_message_that_got_lost_on_its_way_to_the_worker_comes_again(road: Road) -> None:
    plan = road.rig.proxy.plan(faults.lose_answer, operation="ReceiveMessage")
    plan.wait()
    upload = upload_movies(road)  # the poll is under way whose answer will be lost
    check_imported_once(road, upload)


def test_a_queue_that_swallows_every_call_delays_what_is_to_come_and_no_more(road: Road) -> None:
    first = put_movies(road)
    gate = hold_up(road, first)
    swallowed = road.rig.proxy.plan(faults.hang, operation="ReceiveMessage")
    deletes = road.rig.proxy.plan(faults.hang, operation="DeleteMessage", times=2)
    road.announce(first.notification)
    wait_until_written(road)
    swallowed.wait()
    second = upload_movies(road)
    gate.open()
    deletes.wait(2)  # the worker waits in vain for an answer: each time five seconds
    check_imported_once(road, second)
    check_imported_once(road, first)
    assert road.logged("import done already", import_id=id_of(first))


# How a message is not deleted. boto3 tries twice, unless it is told that it may not.
DELETE_FAULTS = {
    "500": (faults.status(500, "InternalFailure"), 2),
    "403": (faults.status(403, "AccessDenied"), 1),
    "closed": (faults.close, 2),
}


@pytest.mark.parametrize(("fault", "tries"), DELETE_FAULTS.values(), ids=DELETE_FAULTS)
def test_a_message_that_is_not_deleted_comes_again_and_finds_its_import_done(
    road: Road, fault: faults.Fault, tries: int
) -> None:
    plan = road.rig.proxy.plan(fault, operation="DeleteMessage", times=tries)
    upload = upload_movies(road)
    plan.wait(tries)
    check_imported_once(road, upload)
    assert len(road.logged("import done already", import_id=id_of(upload))) == 1


def test_a_message_whose_deletion_is_not_confirmed_is_gone_all_the_same(road: Road) -> None:
    plan = road.rig.proxy.plan(faults.lose_answer, operation="DeleteMessage", times=2)
    upload = upload_movies(road)
    plan.wait(2)
    check_imported_once(road, upload)
    assert road.rig.proxy.count("DeleteMessage") == 2


def test_an_event_that_is_delivered_again_while_its_import_runs_is_imported_once(
    road: Road,
) -> None:
    upload = put_movies(road)
    gate = hold_up(road, upload)
    road.announce(upload.notification)
    wait_until_written(road)
    for _ in range(3):
        road.announce(upload.notification)
    wait_until("the other process waits", lambda: road.query(_WAITS_FOR_AN_OBJECT))
    gate.open()
    check_imported_once(road, upload)
    assert len(road.logged("import done already", import_id=id_of(upload))) == 3


_WAITS_FOR_AN_OBJECT = """
SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'
"""
