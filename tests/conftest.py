"""What many tests need: one Postgres, one S3 and SQS a session; a database for each test."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.database import Dsns
from local.postgres import Address, Postgres
from tests.databases import FAST, make_database, make_template

pytest_plugins = ["tests.skips"]

# So that a failure in what tests share says as much as one in a test.
pytest.register_assert_rewrite("tests.rig", "tests.road", "tests.uploads")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Address]:
    """A server with a migrated database `template`, from which the tests' databases are copied."""
    with tempfile.TemporaryDirectory(prefix="mru-tests-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "postgres", options=FAST | {"max_connections": "200"})
        address = server.start()
        try:
            make_template(address)
            yield address
        finally:
            server.stop()


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """The address of an emulator that speaks S3's and SQS' protocols; any credentials will do."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(names, (endpoint, "test", "test", "eu-west-1"), strict=True):
            patch.setenv(name, value)
        yield endpoint
    server.stop()


@pytest.fixture
def bucket(aws: str) -> str:
    """A bucket of the test's own."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=aws, region_name="eu-west-1").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return name


@pytest.fixture
def database(postgres: Address) -> Iterator[Dsns]:
    """A fresh, migrated database, and a way in for each role."""
    with make_database(postgres) as dsns:
        yield dsns
