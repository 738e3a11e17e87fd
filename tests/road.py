"""The whole road of an import: a bucket, a queue, a database, and real workers that know nothing
but those three. Tests look at each of them past every proxy.
"""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import psycopg2

from local.database import Dsns, environment_of
from schemas.notification import IMPORT_TASK, Notification, dump_notification, notification_id
from tests.proxies import TcpProxy
from tests.rig import AWS, REGION, ROOT, Rig, encode, make_message, make_rig, wait_until

Worker = subprocess.Popen[bytes]


@dataclasses.dataclass
class Road:
    """A bucket, a queue, and the database that the workers write to."""

    rig: Rig
    s3: Any
    bucket: str
    dsns: Dsns

    def upload(self, body: bytes, key: str = "movies.json") -> Notification:
        etag = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"].strip('"')
        event: dict[str, Any] = {"etag": etag, "event_time": datetime.now(UTC)}
        made = notification_id(self.bucket, key, **event)
        return Notification(id=made, bucket=self.bucket, key=key, **event)

    def announce(self, notification: Notification) -> None:
        arguments = [[], {"notification": dump_notification(notification)}, {}]
        message = make_message(IMPORT_TASK, body=encode(json.dumps(arguments)))
        self.rig.send_raw(encode(json.dumps(message)))

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.dsns.admin)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def execute(self, sql: str) -> None:
        with contextlib.closing(psycopg2.connect(self.dsns.admin)) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)

    def statuses(self) -> list[str]:
        return [status for (status,) in self.query("SELECT status FROM imports ORDER BY key")]

    def wait_until_imported(self, imports: int) -> None:
        wait_until(f"{imports} imports succeed", lambda: self.statuses() == ["succeeded"] * imports)

    def wait_until_queue_is_empty(self) -> None:
        wait_until("the queue is empty", lambda: self.rig.count(self.rig.queue_url) == 0)

    def logged(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Returns the workers' log lines of one kind, as far as they have these fields."""
        wanted = {"event": event, **fields}
        lines = self.rig.traces("worker.log")
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if wanted.items() <= line.items()]

    @contextlib.contextmanager
    def running_worker(self, **variables: str) -> Iterator[Worker]:
        """Runs a worker, with settings of the test's own, and kills what is left of it then."""
        environment = os.environ | AWS | environment_of(self.dsns.worker)
        environment |= {
            "AWS_ENDPOINT_URL": self.rig.proxy.url,
            "MRU_QUEUE_URL": self.rig.queue_url,
            "MRU_BUCKETS": self.bucket,
            "MRU_VISIBILITY_SECONDS": str(max(5, self.rig.visibility_seconds)),
            "MRU_WAIT_TIME_SECONDS": "1",
            "MRU_CHUNK_RECORDS": "1000",
            **variables,
        }
        with (self.rig.folder / "worker.log").open("ab") as log:
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
                kill(process)


@dataclasses.dataclass(frozen=True)
class Site:
    """A road with a worker on it that sees Postgres, too, through a proxy."""

    road: Road
    postgres: TcpProxy
    worker: Worker


def kill(worker: Worker) -> None:
    """Ends a worker and its children at once; does nothing where it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


@contextlib.contextmanager
def make_road(
    endpoint: str,
    dsns: Dsns,
    folder: Path,
    *,
    visibility_seconds: int = 5,
    max_receives: int = 60,
) -> Iterator[Road]:
    """Makes bucket, queue and proxy; `endpoint` is the emulator's address."""
    port = int(endpoint.rpartition(":")[2])
    limits = {"visibility_seconds": visibility_seconds, "max_receives": max_receives}
    with make_rig(port, folder, **limits) as rig:
        s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
        bucket = f"bucket-{uuid.uuid4().hex[:12]}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield Road(rig, s3, bucket, dsns)
        s3.close()
