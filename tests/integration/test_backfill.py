"""Missed events: the bucket against the ledger, by the command that an operator types."""

import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest

from local.database import Dsns, environment_of
from schemas.imports import OnError
from tests.builders import as_file, make_record
from tests.rig import AWS, REGION, ROOT, Rig, make_rig


@pytest.fixture
def rig(aws: str, tmp_path: Path) -> Iterator[Rig]:
    with make_rig(int(aws.rpartition(":")[2]), tmp_path) as rig:
        yield rig


def run_backfill(rig: Rig, dsns: Dsns, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | AWS | environment_of(dsns.worker)
    environment |= {"AWS_ENDPOINT_URL": rig.proxy.url, "MRU_QUEUE_URL": rig.queue_url}
    environment |= {"MRU_BUCKETS": "any"}
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker.app", "imports", "backfill", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def put(rig: Rig, bucket: str, key: str, body: bytes) -> str:
    s3 = boto3.client("s3", endpoint_url=rig.proxy.url, region_name=REGION)
    etag: str = s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')
    return etag


def queued_keys(rig: Rig) -> set[str]:
    answer = rig.sqs.receive_message(QueueUrl=rig.queue_url, MaxNumberOfMessages=10)
    return {key_of(message["Body"]) for message in answer.get("Messages", [])}


def key_of(body: str) -> str:
    message = json.loads(base64.b64decode(body))
    arguments: Any = json.loads(base64.b64decode(message["body"]))
    key: str = arguments[1]["notification"]["key"]
    return key


def execute(dsns: Dsns, sql: str, *values: Any) -> None:
    with contextlib.closing(psycopg2.connect(dsns.admin)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
        connection.commit()


def test_exactly_what_was_missed_is_queued_and_a_second_run_queues_nothing(
    rig: Rig, bucket: str, database: Dsns
) -> None:
    for name in ("in/known.json", "in/missed one.json", "in/missed-two.json", "elsewhere.json"):
        put(rig, bucket, name, as_file([make_record(title=name)]))
    known = put(rig, bucket, "in/known.json", as_file([make_record(title="known")]))
    listing = boto3.client("s3", endpoint_url=rig.proxy.url, region_name=REGION).head_object(
        Bucket=bucket, Key="in/known.json"
    )
    execute(
        database,
        "INSERT INTO imports (id, bucket, key, etag, last_modified, status, on_error, finished_at)"
        " VALUES (gen_random_uuid(), %s, %s, %s, %s, 'succeeded', %s, now())",
        *(bucket, "in/known.json", known, listing["LastModified"], OnError.FAIL),
    )
    rig.proxy.clear()

    first = run_backfill(rig, database, bucket, "--prefix", "in/")
    second = run_backfill(rig, database, bucket, "--prefix", "in/")

    assert (first.returncode, first.stdout) == (0, "3 objects listed, 2 of them queued.\n")
    assert (second.returncode, second.stdout) == (0, "3 objects listed, 0 of them queued.\n")
    assert queued_keys(rig) == {"in/missed one.json", "in/missed-two.json"}
    downloads = [
        r for r in rig.proxy.requests if r.line.startswith("GET") and "list-type" not in r.line
    ]
    assert downloads == []


def test_a_bucket_that_is_not_there_is_one_clear_line(rig: Rig, database: Dsns) -> None:
    done = run_backfill(rig, database, "no-such-bucket-here")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: s3://no-such-bucket-here/ cannot be listed:")
    assert done.stderr.count("\n") == 1
