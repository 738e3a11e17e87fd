"""Real worker processes on a real queue and a real Postgres: killed, deafened, overwhelmed."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg2
import pytest

from local.database import Dsns, environment_of
from schemas.notification import IMPORT_TASK, Notification, dump_notification, notification_id
from tests.builders import as_file, make_records
from tests.faults import close, status
from tests.rig import AWS, REGION, ROOT, Rig, encode, make_message, make_rig, wait_until

# How many movies the import has in whose middle the worker is killed.
MANY = int(os.environ.get("MRU_KILL_MOVIES", "25000"))


@dataclasses.dataclass
class Road:
    """A bucket, a queue, and the database that the workers write to."""

    rig: Rig
    bucket: str
    dsns: Dsns

    def upload(self, body: bytes, key: str = "movies.json") -> Notification:
        s3 = boto3.client("s3", endpoint_url=self.rig.proxy.url, region_name=REGION)
        etag = s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"].strip('"')
        event: dict[str, Any] = {"etag": etag, "event_time": datetime.now(UTC)}
        made = notification_id(self.bucket, key, **event)
        return Notification(id=made, bucket=self.bucket, key=key, **event)

    def announce(self, notification: Notification) -> None:
        arguments = [[], {"notification": dump_notification(notification)}, {}]
        message = make_message(IMPORT_TASK, body=encode(json.dumps(arguments)))
        self.rig.send_raw(encode(json.dumps(message)))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.dsns.admin)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def statuses(self) -> list[str]:
        return [status for (status,) in self.query("SELECT status FROM imports ORDER BY key")]

    def wait_until_imported(self, imports: int) -> None:
        wait_until(f"{imports} imports succeed", lambda: self.statuses() == ["succeeded"] * imports)

    def wait_until_queue_is_empty(self) -> None:
        wait_until("the queue is empty", lambda: self.rig.count(self.rig.queue_url) == 0)


@pytest.fixture
def road(aws: str, bucket: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_rig(int(aws.rpartition(":")[2]), tmp_path, visibility_seconds=5, max_receives=60) as (
        rig
    ):
        yield Road(rig, bucket, database)


RunWorker = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


@pytest.fixture
def run_worker(road: Road) -> RunWorker:
    @contextlib.contextmanager
    def run(**variables: str) -> Iterator[subprocess.Popen[bytes]]:
        environment = os.environ | AWS | environment_of(road.dsns.worker)
        environment |= {
            "AWS_ENDPOINT_URL": road.rig.proxy.url,
            "MRU_QUEUE_URL": road.rig.queue_url,
            "MRU_VISIBILITY_SECONDS": str(road.rig.visibility_seconds),
            "MRU_WAIT_TIME_SECONDS": "1",
            "MRU_CHUNK_RECORDS": "1000",
            **variables,
        }
        with (road.rig.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "worker.app", "--quiet", "worker"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    return run


def test_one_event_delivered_fifty_times_to_four_processes_is_one_import(
    road: Road, run_worker: RunWorker
) -> None:
    notification = road.upload(as_file(make_records(500)))
    for _ in range(50):
        road.announce(notification)
    with run_worker(MRU_CONCURRENCY="4"):
        road.wait_until_imported(1)
        road.wait_until_queue_is_empty()
    assert road.query("SELECT count(*) FROM movies") == [(500,)]
    assert road.query("SELECT read, inserted, attempts FROM imports") == [(500, 500, 1)]
    assert road.rig.count(road.rig.dead_queue_url) == 0


def wait_until_in_the_middle(road: Road) -> None:
    progress = "SELECT 1 FROM imports WHERE status = 'running' AND records_so_far > 0"
    wait_until("an import is under way", lambda: road.query(progress))
    assert road.query("SELECT count(*) FROM movies") == [(0,)]


def test_an_import_whose_process_is_killed_is_done_again_by_the_same_worker(
    road: Road, run_worker: RunWorker
) -> None:
    road.announce(road.upload(as_file(make_records(MANY))))
    with run_worker() as worker:
        wait_until_in_the_middle(road)
        (child,) = psutil.Process(worker.pid).children()
        child.kill()
        wait_until("it begins again", lambda: road.query("SELECT attempts FROM imports") == [(2,)])
        assert road.query("SELECT count(*) FROM movies") == [(0,)]
        wait_until("it is done", lambda: road.statuses() == ["succeeded"])
        road.wait_until_queue_is_empty()
    assert road.query("SELECT count(*) FROM movies") == [(MANY,)]


def test_an_import_whose_worker_is_killed_is_done_by_the_next_worker(
    road: Road, run_worker: RunWorker
) -> None:
    road.announce(road.upload(as_file(make_records(MANY))))
    with run_worker() as worker:
        wait_until_in_the_middle(road)
        children = psutil.Process(worker.pid).children()
        worker.kill()
        for child in children:
            child.kill()
    assert road.query("SELECT count(*) FROM movies") == [(0,)]
    assert road.statuses() == ["running"]
    with run_worker():
        wait_until("it is done", lambda: road.statuses() == ["succeeded"])
        road.wait_until_queue_is_empty()
    assert road.query("SELECT count(*) FROM movies") == [(MANY,)]


def test_faults_of_the_queue_do_not_deafen_the_worker(road: Road, run_worker: RunWorker) -> None:
    faults = [status(503), status(403, "AccessDenied"), close]
    with run_worker():
        for number, fault in enumerate(faults):
            road.rig.proxy.plan(fault, operation="ReceiveMessage").wait()
            road.announce(road.upload(as_file(make_records(3)), f"{number}.json"))
            road.wait_until_imported(number + 1)


def test_a_bad_file_leaves_the_queue_and_the_worker_goes_on(
    road: Road, run_worker: RunWorker
) -> None:
    missing = dataclasses.replace(road.upload(b"[]", "there.json"), key="missing.json")
    with run_worker():
        road.announce(road.upload(b"no json at all", "bad.json"))
        road.announce(missing)
        road.announce(road.upload(as_file(make_records(3)), "good.json"))
        wait_until("all three end", lambda: road.statuses() == ["failed", "succeeded", "failed"])
        road.wait_until_queue_is_empty()
    assert road.query("SELECT error_code FROM imports ORDER BY key") == [
        ("not_json",),
        (None,),
        ("missing_object",),
    ]
    assert road.rig.count(road.rig.dead_queue_url) == 0
