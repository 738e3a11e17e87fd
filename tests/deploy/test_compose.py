"""docker-compose.yml, where nothing can run it: what it names exists, starts in order, and fits."""

import os
import re
import subprocess
import sys
from typing import Any

import boto3
import pytest
import yaml

from tests.deploy.tools import ROOT


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    found: dict[str, Any] = document["services"]
    return found


def test_every_part_is_there_and_three_workers(services: dict[str, Any]) -> None:
    assert set(services) == {"aws", "cloud", "postgres", "migration", "api", "worker"}
    assert services["worker"]["deploy"]["replicas"] == 3


def test_nothing_starts_before_what_it_needs(services: dict[str, Any]) -> None:
    made = {"condition": "service_completed_successfully"}
    for room in ("api", "worker"):
        assert services[room]["depends_on"] == {"migration": made, "cloud": made}
    for service, needed in (("migration", "postgres"), ("cloud", "aws")):
        assert services[service]["depends_on"] == {needed: {"condition": "service_healthy"}}
        assert services[needed]["healthcheck"]["test"][0] == "CMD"


def test_what_is_built_exists(services: dict[str, Any]) -> None:
    for service in services.values():
        if "build" not in service:
            assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-\w+", service["image"])
        elif "dockerfile" in service["build"]:
            assert (ROOT / service["build"]["dockerfile"]).exists()
        else:
            copied = re.findall(
                r"^COPY (\S+) ", service["build"]["dockerfile_inline"], re.MULTILINE
            )
            assert all((ROOT / source).exists() for source in copied)


def test_every_variable_is_documented(services: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    told = {name for service in services.values() for name in service.get("environment", {})}
    ours = {name for name in told if name.startswith("MRU_")}
    assert {name for name in ours if f"`{name}`" not in page} == set()


def test_only_this_machine_can_reach_it(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_queue_that_is_made_is_the_one_that_the_rooms_are_told_of(
    services: dict[str, Any], aws: str
) -> None:
    told = {name: str(value) for name, value in services["cloud"]["environment"].items()}
    done = subprocess.run(
        [sys.executable, "-m", *services["cloud"]["command"][2:]],
        env={**os.environ, **told, "AWS_ENDPOINT_URL": aws},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path = services["worker"]["environment"]["MRU_QUEUE_URL"].removeprefix("http://aws:4566")
    assert done.stdout.strip().endswith(path)
    s3 = boto3.client("s3", endpoint_url=aws, region_name="eu-west-1")
    events = s3.get_bucket_notification_configuration(Bucket=told["MRU_BUCKETS"])
    assert events["LambdaFunctionConfigurations"][0]["Events"] == ["s3:ObjectCreated:*"]
    s3.close()
