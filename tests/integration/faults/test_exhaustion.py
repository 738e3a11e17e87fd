"""What does not end well however often it is tried: it ends in the dead-letter queue, and where it
was an import, the ledger says that it was given up.
"""

import functools
import json
import uuid
from collections.abc import Iterator

import psutil
import pytest

from local.postgres import Address
from schemas.notification import IMPORT_TASK
from tests import faults
from tests.databases import make_database
from tests.rig import encode, make_message, wait_until
from tests.road import Road, Worker, make_road
from tests.uploads import (
    Upload,
    check_all_is_well,
    check_imported_once,
    entry_of,
    hold_up,
    id_of,
    put_movies,
    status_of,
    titles_of,
    upload_movies,
    wait_until_written,
)

RECEIVES = 2  # that the queue allows


@pytest.fixture(scope="module")
def shared_road(
    aws: str, postgres: Address, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Road]:
    folder = tmp_path_factory.mktemp("exhaustion")
    with (
        make_database(postgres) as dsns,
        make_road(aws, dsns, folder, visibility_seconds=1, max_receives=RECEIVES) as road,
    ):
        yield road


@pytest.fixture(scope="module")
def worker(shared_road: Road) -> Iterator[Worker]:
    variables = {"MRU_MAX_RECEIVES": str(RECEIVES), "MRU_RETRY_SECONDS": "1"}
    with shared_road.running_worker(MRU_CHUNK_RECORDS="10", **variables) as worker:
        yield worker


@pytest.fixture
def road(shared_road: Road, worker: Worker) -> Iterator[Road]:
    """A worker that has to be well when the test is over, whatever it has given up."""
    yield shared_road
    dead = shared_road.rig.count(shared_road.rig.dead_queue_url)
    check_all_is_well(shared_road, worker, dead=dead)


@pytest.fixture
def dead_before(road: Road) -> int:
    """How many messages are dead when the test begins."""
    return road.rig.count(road.rig.dead_queue_url)


def wait_until_dead(road: Road, messages: int) -> None:
    wait_until(
        f"{messages} messages are dead",
        lambda: road.rig.count(road.rig.dead_queue_url) == messages,
    )
    assert road.rig.count(road.rig.queue_url) == 0


def check_given_up(road: Road, upload: Upload, reason: str, *, attempts: int) -> None:
    wait_until("it is given up", lambda: status_of(road, upload) == "failed")
    entry = entry_of(road, upload)
    assert (entry["error_code"], entry["attempts"]) == ("gave_up", attempts)
    assert entry["error"].startswith(f"Given up: {reason}")
    assert titles_of(road, upload) == []
    assert len(road.logged("import given up", import_id=id_of(upload))) == 1


def test_an_import_that_fails_as_often_as_it_may_is_given_up(road: Road, dead_before: int) -> None:
    upload = put_movies(road)
    cut = faults.cut_body(after_bytes=400_000)
    road.rig.proxy.plan(cut, operation=upload.place, times=RECEIVES)
    road.announce(upload.notification)
    check_given_up(road, upload, "S3 broke off after", attempts=RECEIVES)
    assert len(road.logged("import put off", import_id=id_of(upload))) == RECEIVES - 1
    wait_until_dead(road, dead_before + 1)


def is_at(road: Road, upload: Upload, attempt: int) -> bool:
    return entry_of(road, upload).get("attempts") == attempt


def test_an_import_that_costs_every_process_its_life_is_given_up_before_the_last(
    road: Road, worker: Worker, dead_before: int
) -> None:
    upload = put_movies(road)
    for _ in range(RECEIVES - 1):
        hold_up(road, upload)
    road.announce(upload.notification)
    for attempt in range(1, RECEIVES):
        wait_until("it is at it", functools.partial(is_at, road, upload, attempt))
        wait_until_written(road)
        (child,) = psutil.Process(worker.pid).children()
        child.kill()
    check_given_up(road, upload, "The worker was lost in the middle of attempt 1.", attempts=1)
    wait_until_dead(road, dead_before + 1)


def _announcing(notification: object) -> str:
    body = encode(json.dumps([[], {"notification": notification}, {}]))
    return encode(json.dumps(make_message(IMPORT_TASK, body=body)))


def _broken(**changes: object) -> str:
    return encode(json.dumps(make_message(IMPORT_TASK, **changes)))


NOWHERE = {"id": str(uuid.uuid4()), "bucket": "bucket", "key": "key"}
POISON = {
    "not JSON": "This is not JSON.",
    "base64 of no text": "////",
    "no id": _broken(headers={"task": IMPORT_TASK}),
    "body is no triple": _broken(body=encode(json.dumps(["never"]))),
    "body is no base64": _broken(body="!"),
    "properties are null": _broken(properties=None),
    "headers are a list": _broken(headers=["task", "id"]),
    "unknown task": encode(json.dumps(make_message("worker.nobody_knows_this"))),
    "pickle": _broken(**{"content-type": "application/x-python-serialize"}),
    "no arguments": _broken(body=encode(json.dumps([[], {}, {}]))),
    "too many arguments": encode(json.dumps(make_message(IMPORT_TASK, 1, 2, 3))),
    "no notification": _announcing(None),
    "no key": _announcing({"bucket": "bucket"}),
    "a key that S3 could not have": _announcing(NOWHERE | {"key": "k" * 1025}),
    "half a character": _announcing(NOWHERE | {"key": "\ud800"}),
    "an id that is none": _announcing(NOWHERE | {"id": "42"}),
}


def test_every_kind_of_bad_message_ends_dead_and_leaves_no_trace_in_the_ledger(
    road: Road, dead_before: int
) -> None:
    for body in POISON.values():
        road.rig.send_raw(body)
    good = upload_movies(road)
    wait_until_dead(road, dead_before + len(POISON))
    check_imported_once(road, good)
    assert road.query("SELECT count(*) FROM imports WHERE bucket <> %s", road.bucket) == [(0,)]
