"""What a run needs running: a Postgres of its own with stated settings, and S3 and SQS emulated in
a process of their own. Databases and queues are made fresh for each measurement.
"""

import dataclasses
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.postgres import PASSWORDS, connect, start_postgres
from local import web
from local.cloud import ACCESS_KEY_ID, SECRET_ACCESS_KEY, make_client
from local.console import Files
from local.database import Dsns, dsns_of, prepare_database
from local.ports import HOST, listen, port_of
from local.processes import Supervisor
from local.rooms import Rooms
from local.settings import StackSettings
from schemas.notification import Notification, notification_id
from schemas.settings import Environment
from worker.roles import ensure_database

REGION: Final = "eu-west-1"
BUCKET: Final = "bench"

_TEMPLATE: Final = "pattern"
_MAX_RECEIVES: Final = 10
_VISIBILITY_SECONDS: Final = 120  # as in production


@dataclasses.dataclass(frozen=True)
class Services:
    """Postgres, S3 and SQS, running."""

    folder: Path
    supervisor: Supervisor
    rooms: Rooms
    dsn: str = dataclasses.field(repr=False)  # the superuser's
    aws_url: str
    s3: Any
    sqs: Any

    @contextmanager
    def fresh_database(self) -> Iterator[Dsns]:
        """Lends a migrated database with nothing in it, nothing left to be written to disk."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        with closing(connect(self.dsn)) as admin, admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} OWNER mru_migrator")
            ensure_database(admin, name)
            cursor.execute("CHECKPOINT")
            try:
                yield dsns_of(self.dsn, name, PASSWORDS)
            finally:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
                cursor.execute("CHECKPOINT")

    def make_queue(self) -> str:
        """Makes a queue with a dead-letter queue, as in production, and returns its URL."""
        name = f"imports-{uuid.uuid4().hex[:8]}"
        dead: str = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        asked = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": asked["Attributes"]["QueueArn"],
            "maxReceiveCount": _MAX_RECEIVES,
        }
        attributes = {
            "VisibilityTimeout": str(_VISIBILITY_SECONDS),
            "RedrivePolicy": json.dumps(redrive),
        }
        url: str = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def upload(self, path: Path, key: str) -> Notification:
        """Puts a file into the bucket, and returns what the API would tell of it."""
        with path.open("rb") as body:
            return self.put(body, key, path.stat().st_size)

    def put(self, body: Any, key: str, size: int) -> Notification:
        """Puts an object of `size` bytes into the bucket: see `upload`."""
        etag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"].strip('"')
        now = datetime.now(UTC)
        made = notification_id(BUCKET, key, etag=etag, event_time=now)
        return Notification(id=made, bucket=BUCKET, key=key, etag=etag, size=size, event_time=now)

    def remove(self, key: str) -> None:
        """Deletes an object, and with it what the emulator keeps of it on disk."""
        self.s3.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def running_services(folder: Path) -> Iterator[Services]:
    """Starts everything, and stops it at the end."""
    scratch = folder / "scratch"  # objects, while the emulator has them
    scratch.mkdir(parents=True)
    variables = {"MRU_LOCAL_DIR": str(folder), "MRU_VISIBILITY_SECONDS": str(_VISIBILITY_SECONDS)}
    rooms = Rooms(
        settings=StackSettings.read(Environment(variables)),
        environ={**os.environ, "TMPDIR": str(scratch)},
        secret_file=folder / "notification-secret",
        heartbeat_file=folder / "worker-heartbeat",
    )
    output = Files(folder / "logs")
    with Supervisor(output) as supervisor:
        aws_url = _start_aws(supervisor, rooms, output)
        dsn = start_postgres(supervisor, folder)
        prepare_database(dsn, _TEMPLATE, PASSWORDS)
        supervisor.wait_until("aws", lambda: web.answers(f"{aws_url}/moto-api/"))
        s3, sqs = (make_client(name, aws_url, REGION) for name in ("s3", "sqs"))
        place = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        yield Services(folder, supervisor, rooms, dsn, aws_url, s3, sqs)


def aws_variables(aws_url: str) -> dict[str, str]:
    """Returns what leads boto3 to the emulator, and never past it."""
    return {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": HOST,
    }


def _start_aws(supervisor: Supervisor, rooms: Rooms, output: Files) -> str:
    with closing(listen(0, "no variable")) as listener:
        function_log = output.open("notifier")
        command = rooms.aws(listener.fileno(), function_log)
        ours = [word.replace("local.aws", "bench.emulator") for word in command.argv]
        supervisor.start(dataclasses.replace(command, argv=tuple(ours)))
        os.close(function_log)
        return f"http://{HOST}:{port_of(listener)}"
