"""An operator's office: the commands as they are typed, and no worker. Where a test needs one, it
takes what is in the queue and imports it itself, as a worker would.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg2
from celery import Celery
from celery.bin.base import CLIContext
from click.testing import CliRunner, Result

from local.database import Dsns, environment_of
from schemas.notification import IMPORT_TASK, Notification, dump_notification
from schemas.settings import Environment
from tests.rig import AWS, REGION, ROOT, Rig, encode, make_message, make_rig, wait_until
from tests.short_road import Road, open_road
from worker.app import create_app
from worker.commands import imports
from worker.dead_letters import DeadLetter, Queues
from worker.importing import Outcome

IMPORTS: Final = [sys.executable, "-m", "celery", "-A", "worker.app", "imports"]

_TABLES: Final = (
    "movies",
    "claims",
    "imports",
    "import_errors",
    "import_aliases",
    "import_actions",
)


@dataclasses.dataclass
class Office:
    """A road without workers, its queue, and the app that the commands are given."""

    road: Road
    rig: Rig
    app: Celery
    variables: dict[str, str]

    def types(self, *words: object, given: bytes | None = None) -> Result:
        """Runs `celery -A worker.app imports …` in this process, without a terminal."""
        return type_imports(self.app, *words, given=given)

    def runs(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs it as a process of its own, where nothing is open yet."""
        return subprocess.run(
            [*IMPORTS, *words],
            cwd=ROOT,
            env={**os.environ, **AWS, **self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def says(self, *words: object) -> str:
        """Runs a command that has to go well, and returns what it says."""
        result = self.types(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def tells(self, *words: object) -> list[Any]:
        """Runs a command with --json, and returns its lines."""
        return [json.loads(line) for line in self.says(*words, "--json").splitlines()]

    def waiting(self) -> list[DeadLetter]:
        """Takes all messages out of the queue."""
        queue = _AsDead(self.rig.sqs, self.rig.queue_url, wait_seconds=0)
        taken = []
        with queue.dead_letters(limit=100) as letters:
            for letter in letters:
                taken.append(letter)
                queue.delete(letter)
        return taken

    def work_off(self) -> list[Outcome]:
        """Imports what is in the queue."""
        return [
            self.road.importer.run(letter.notification)
            for letter in self.waiting()
            if letter.notification
        ]

    def bury(self, notification: Notification) -> None:
        """Puts an announcement into the dead-letter queue."""
        arguments = [[], {"notification": dump_notification(notification)}, {}]
        message = make_message(IMPORT_TASK, body=encode(json.dumps(arguments)))
        self.bury_raw(encode(json.dumps(message)))

    def bury_raw(self, body: str) -> None:
        """Puts a message into the dead-letter queue."""
        self.rig.sqs.send_message(QueueUrl=self.rig.dead_queue_url, MessageBody=body)

    def execute(self, sql: str) -> None:
        """Changes the database as somebody else would."""
        with contextlib.closing(psycopg2.connect(self.road.dsn)) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)

    def wait_for_row(self, key: str) -> None:
        """Waits until an import of a key has begun."""
        sql = "SELECT 1 FROM imports WHERE key = %s"
        wait_until(f"{key} is begun", lambda: self.road.query(sql, key))

    def clear_out(self) -> None:
        """Empties the tables and the queues, and takes a bucket that nobody has used."""
        for table in _TABLES:
            self.execute(f"DELETE FROM {table}")
        for url in (self.rig.dead_queue_url, self.rig.queue_url):
            self._make_again(url)
        self.rig.proxy.clear()
        self.road.bucket = make_bucket(self.road.s3)

    def _make_again(self, url: str) -> None:
        """Empties a queue, messages in flight included; SQS lets nobody purge it so often."""
        names = ["VisibilityTimeout", "RedrivePolicy"]
        kept = self.rig.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        self.rig.sqs.delete_queue(QueueUrl=url)
        self.rig.sqs.create_queue(QueueName=url.rpartition("/")[2], Attributes=kept)

    def messages(self) -> tuple[int, int]:
        """Returns how many messages the queue has, and how many the dead-letter queue."""
        return self.rig.count(self.rig.queue_url), self.rig.count(self.rig.dead_queue_url)


class _AsDead(Queues):
    """The queue itself, taken from as the commands take from the other one."""

    def dead_url(self) -> str:
        return self.url


def type_imports(app: Celery, *words: object, given: bytes | None = None) -> Result:
    context = CLIContext(app=app, no_color=False, workdir=None, quiet=False)
    runner = CliRunner()
    result = runner.invoke(imports, [str(word) for word in words], obj=context, input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def variables_of(rig: Rig, dsns: Dsns) -> dict[str, str]:
    """Returns what a command's process is told."""
    queue = {"AWS_REGION": REGION, "MRU_QUEUE_URL": rig.queue_url, "MRU_BUCKETS": "any"}
    return environment_of(dsns.worker) | queue


@contextlib.contextmanager
def open_office(aws: str, dsns: Dsns, folder: Path, **variables: str) -> Iterator[Office]:
    with make_rig(int(aws.rpartition(":")[2]), folder, visibility_seconds=30) as rig:
        told = variables_of(rig, dsns) | variables
        app = create_app(Environment(told))
        road = open_road(aws, "", dsns, **variables)
        road.bucket = make_bucket(road.s3)
        try:
            yield Office(road, rig, app, told)
        finally:
            app.close()
            road.importer.database.engine.dispose()
            road.importer.s3.close()
            road.s3.close()


def make_bucket(s3: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    place = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name
