"""S3 fails, in every way it can, while a worker fetches: what passes is tried again, and what does
not is recorded once.
"""

import uuid

from tests import faults
from tests.calling import make_api
from tests.rig import wait_until
from tests.road import Road
from tests.scraping import Scrape, shown_port
from tests.uploads import (
    Upload,
    check_failed_once,
    check_imported_once,
    hold_up,
    put_movies,
    status_of,
    titles_of,
    upload_movies,
    wait_until_put_off,
    wait_until_written,
)

TRIES = 3  # that boto3 makes of one request

PASSING = {
    "500": (faults.s3_error(500, "InternalError"), "S3 answered 500 InternalError"),
    "503": (faults.s3_error(503, "SlowDown"), "S3 answered 503 SlowDown"),
    "closed": (faults.close, "S3 did not answer"),
}


def test_what_s3_does_not_hand_out_is_imported_when_it_does(road: Road) -> None:
    uploads = {name: put_movies(road) for name in PASSING}
    for name, (fault, _) in PASSING.items():
        road.rig.proxy.plan(fault, operation=uploads[name].place, times=TRIES)
        road.announce(uploads[name].notification)
    for name, (_, reason) in PASSING.items():
        wait_until_put_off(road, uploads[name], reason)
    for upload in uploads.values():
        check_imported_once(road, upload, attempts=2)
    port = shown_port(road.rig.traces("worker.log"))

    def counted() -> bool:
        scrape = Scrape.at(port)
        put_off = scrape.sum("mru_messages_total", result="put_off")
        return min(put_off, scrape.sum("mru_imports_total", outcome="succeeded")) >= len(PASSING)

    wait_until("each is counted as put off, and as a success", counted)


def test_whoever_asks_for_an_import_is_told_why_it_waits(road: Road) -> None:
    client = make_api(road.dsns.api).test_client()
    upload = put_movies(road)
    road.rig.proxy.plan(faults.cut_body(after_bytes=400_000), operation=upload.place)
    again = faults.Gate()
    road.rig.proxy.plan(again, operation=upload.place)
    road.announce(upload.notification)
    address = f"/imports/{upload.notification.id}"
    wait_until("it is put off", lambda: (client.get(address).get_json() or {}).get("error"))
    answer = client.get(address).get_json()
    assert answer["status"] == "running"
    assert answer["error"].startswith("Put off for 1 s: S3 broke off after ")
    again.open()
    check_imported_once(road, upload, attempts=2)
    assert client.get(address).get_json()["error"] is None


def test_one_failure_of_s3_is_bridged(road: Road) -> None:
    upload = put_movies(road)
    plan = road.rig.proxy.plan(faults.s3_error(500, "InternalError"), operation=upload.place)
    road.announce(upload.notification)
    plan.wait()
    check_imported_once(road, upload)


def test_a_slow_object_is_imported_however_often_its_message_has_to_be_kept(road: Road) -> None:
    upload = put_movies(road)
    plan = road.rig.proxy.plan(faults.slow(4), operation=upload.place)
    road.announce(upload.notification)
    plan.wait()
    check_imported_once(road, upload)
    assert road.rig.proxy.count("ChangeMessageVisibility") >= 2


def test_a_body_that_is_cut_off_leaves_nothing_and_is_read_again(road: Road) -> None:
    upload = put_movies(road)
    road.rig.proxy.plan(faults.cut_body(after_bytes=400_000), operation=upload.place)
    again = hold_up(road, upload)
    road.announce(upload.notification)
    wait_until_put_off(road, upload, "S3 broke off after")
    assert titles_of(road, upload) == []
    again.open()
    check_imported_once(road, upload, attempts=2)


def test_an_object_that_is_overwritten_while_it_is_read_is_read_to_its_end(road: Road) -> None:
    early = put_movies(road)
    gate = hold_up(road, early)
    road.announce(early.notification)
    wait_until_written(road)
    late = upload_movies(road, key=early.notification.key)
    gate.open()
    check_imported_once(road, early)
    check_imported_once(road, late)


def test_an_object_that_is_overwritten_after_it_broke_off_is_never_taken_for_the_new_one(
    road: Road,
) -> None:
    early = put_movies(road)
    road.rig.proxy.plan(faults.cut_body(after_bytes=400_000), operation=early.place)
    again = faults.Gate()
    road.rig.proxy.plan(again, operation=early.place)
    road.announce(early.notification)
    wait_until_put_off(road, early, "S3 broke off after")
    late = upload_movies(road, key=early.notification.key)
    again.open()
    wait_until("it is superseded", lambda: status_of(road, early) == "superseded")
    check_imported_once(road, late)
    assert titles_of(road, early) == []


def test_an_object_that_may_not_be_read_is_a_failed_import_after_one_try(road: Road) -> None:
    upload = put_movies(road)
    road.rig.proxy.plan(faults.s3_error(403, "AccessDenied"), operation=upload.place)
    road.announce(upload.notification)
    check_failed_once(road, upload, "access_denied")


def test_an_object_that_is_not_there_is_a_failed_import_after_one_try(road: Road) -> None:
    upload = put_movies(road)
    road.s3.delete_object(Bucket=road.bucket, Key=upload.notification.key)
    road.announce(upload.notification)
    check_failed_once(road, upload, "missing_object")


def test_a_file_that_is_no_json_is_a_failed_import_after_one_try(road: Road) -> None:
    upload = Upload(road.upload(b"no json at all", f"{uuid.uuid4()}.json"), [])
    road.announce(upload.notification)
    check_failed_once(road, upload, "not_json")
