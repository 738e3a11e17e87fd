"""The infrastructure's own calls, replayed in the emulator, and a file's road through all of it.

The function is the zip that was built, the API and the worker are processes that are told what the
chart tells them. Only addresses differ, and how long the queue hides a message.
"""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
from botocore.exceptions import ClientError

from local.database import Dsns, environment_of
from tests.builders import SECRET
from tests.deploy.charts import PRODUCTION, render
from tests.deploy.replay import Replay
from tests.deploy.rules import Plan
from tests.deploy.tools import ROOT
from tests.rig import DEADLINE_SECONDS, wait_until

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[str]:
    """The local stack's emulator, which runs functions for real."""
    with (tmp_path / "functions.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.aws", "--function-log", str(log.fileno())],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            pass_fds=(log.fileno(),),
            text=True,
        )
    assert process.stdout is not None
    word, _, address = process.stdout.readline().strip().partition(" ")
    assert word == "ready"
    try:
        yield address
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def told(deployment: str, changes: Mapping[str, str]) -> dict[str, str]:
    """Returns what the chart tells a deployment, with the addresses of the test."""
    variables = render(*PRODUCTION).environment(deployment)
    plain = {name: value for name, value in variables.items() if isinstance(value, str)}
    for name in ("PGSSLMODE", "PGSSLROOTCERT"):  # this Postgres has no certificate
        plain.pop(name)
    return {"PATH": os.environ["PATH"], **plain, **changes}


@contextlib.contextmanager
def running(
    command: list[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def test_a_put_ends_as_rows_and_a_poisoned_message_as_a_dead_letter(
    emulator: str,
    plan_of: Callable[[str], Plan],
    archive: Path,
    database: Dsns,
    free_port: int,
    tmp_path: Path,
) -> None:
    replay = Replay(emulator, plan_of("3-queue"), plan_of("3-s3-lambda"))
    urls = replay.make_queues()
    sqs = replay.client("sqs")
    hasten(sqs, urls["imports"])
    replay.make_roles()
    arn = replay.make_secret(SECRET)
    api_url = f"http://127.0.0.1:{free_port}"
    function = replay.make_function(
        archive,
        {
            **KEYS,
            "AWS_ENDPOINT_URL": emulator,
            "MRU_API_URL": api_url,
            "MRU_NOTIFICATION_SECRET_ARN": arn,
        },
    )
    bucket = replay.make_bucket(function)
    queue = {"MRU_QUEUE_URL": urls["imports"], "MRU_BUCKETS": bucket}
    same = {**KEYS, **queue, "AWS_ENDPOINT_URL": emulator}
    api = told("-api", {**same, **environment_of(database.api)}) | {
        "MRU_NOTIFICATION_SECRET": SECRET,
        "MRU_API_BIND": f"127.0.0.1:{free_port}",
        "MRU_METRICS_BIND": "",
    }
    worker = told("-worker", {**same, **environment_of(database.worker)}) | {
        "MRU_WAIT_TIME_SECONDS": "1",
        "MRU_VISIBILITY_SECONDS": "5",  # so that the tries of a poisoned message follow soon
        "MRU_HEARTBEAT_FILE": str(tmp_path / "heartbeat"),
        "MRU_METRICS_BIND": "",
    }
    gunicorn = ["api"]
    celery = ["celery", "--app", "worker.app", "--quiet", "worker", "--loglevel", "INFO"]
    with (
        running(gunicorn, api, tmp_path / "api.log"),
        running(celery, worker, tmp_path / "worker.log"),
    ):
        wait_until("the worker polls", (tmp_path / "heartbeat").exists)
        movies = (ROOT / "samples" / "one-movie.json").read_bytes()
        s3 = replay.client("s3")
        # The emulator speaks plain HTTP, which the bucket's policy refuses, as it should.
        with pytest.raises(ClientError, match="Forbidden"):
            s3.put_object(Bucket=bucket, Key="one-movie.json", Body=movies)
        s3.delete_bucket_policy(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="one-movie.json", Body=movies)
        wait_until("the file is rows", lambda: rows(database, "imports") == [("succeeded",)])
        assert len(rows(database, "movies")) == 1

        sqs.send_message(QueueUrl=urls["imports"], MessageBody="poison")
        # Asked seldom: the emulator has one thread's worth of time for the worker and for us.
        deadline = time.monotonic() + 2 * DEADLINE_SECONDS
        while count(sqs, urls["dead"]) == 0:
            assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
            time.sleep(0.5)
        assert count(sqs, urls["imports"]) == 0
        assert count(sqs, urls["lost"]) == 0


def hasten(sqs: Any, url: str) -> None:
    """Has a poisoned message be tried less often."""
    names = ["RedrivePolicy"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    policy = json.loads(found["RedrivePolicy"]) | {"maxReceiveCount": 3}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})


def rows(database: Dsns, table: str) -> list[tuple[object, ...]]:
    column = {"imports": "status", "movies": "title"}[table]
    with contextlib.closing(psycopg2.connect(database.admin)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT {column} FROM {table}")
        return list(cursor.fetchall())


def count(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_empty_secrets_are_filled_once(aws: str) -> None:
    path = ROOT / "infra" / "fill_secrets.py"
    spec = importlib.util.spec_from_file_location("fill_secrets", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    client = boto3.client("secretsmanager", region_name="eu-west-1")
    arn = client.create_secret(Name="movies-r-us/filled")["ARN"]
    assert module.main([arn]) == 0
    value = client.get_secret_value(SecretId=arn)["SecretString"]
    assert len(value) >= 43
    assert module.main([arn]) == 0
    assert client.get_secret_value(SecretId=arn)["SecretString"] == value
    assert module.main([]) == 2
