"""The running API asked whatever its document allows, and much that it forbids, by schemathesis.

A few examples an operation take about ten seconds. SCHEMATHESIS_EXAMPLES says how many; a hundred
take minutes, and are for whoever changes what the API takes or answers.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from local.database import Dsns
from local.samples import read_samples
from schemas.movie import movie_id
from tests.calling import BUCKET, api_environment
from tests.gunicorn import ROOT, Gunicorn
from tests.rig import AWS, REGION, moto_server
from tests.rows import make_bad_record, make_import, make_movies

EXAMPLES: Final = os.environ.get("SCHEMATHESIS_EXAMPLES", "5")
DEADLINE_SECONDS: Final = 60 * int(EXAMPLES)


@pytest.fixture
def gunicorn(database: Dsns) -> Iterator[Gunicorn]:
    make_movies(database.admin, sample_movies())
    failed = make_import(database.admin, status="failed", error_code="bad_records")
    for position in range(1, 31):
        make_bad_record(database.admin, failed, position)
        make_import(database.admin, key=f"{position}.json")
    with moto_server() as port:
        variables = make_cloud(f"http://127.0.0.1:{port}")
        with Gunicorn(api_environment(database.api, **variables)) as running:
            yield running


def sample_movies() -> list[dict[str, Any]]:
    movies = {
        movie_id(movie["title"], movie["year"], movie["cast"]): movie
        for sample in read_samples(ROOT / "samples")
        for movie in sample.movies()
    }
    return list(movies.values())


def make_cloud(endpoint: str) -> dict[str, str]:
    """Makes the bucket and the queue, and returns what the API has to be told of them."""
    session = boto3.session.Session("test", "test", region_name=REGION)
    place = {"LocationConstraint": REGION}
    session.client("s3", endpoint_url=endpoint).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration=place
    )
    queue = session.client("sqs", endpoint_url=endpoint).create_queue(QueueName="imports")
    told = {"MRU_QUEUE_URL": queue["QueueUrl"], "MRU_ALLOW_POST_MOVIES": "true"}
    return {**AWS, "AWS_ENDPOINT_URL": endpoint, **told}


def test_schemathesis_finds_nothing_wrong(gunicorn: Gunicorn, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{gunicorn.port}/openapi.json"
    ran = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file"),
            *(ROOT / "tests" / "schemathesis.toml", "run", address, "--checks", "all"),
            *("--max-examples", EXAMPLES, "--continue-on-failure", "--no-color"),
            *("--generation-database", "none"),
        ],
        cwd=tmp_path,  # where it would leave its reports
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in ran.stdout, ran.stdout
    assert "Warnings:" not in ran.stdout, ran.stdout
    failed = [line for line in gunicorn.lines if "request failed" in line]
    assert failed == []
