"""`make up` in a folder of the test's own, and what any client of it does: upload, look, wait."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from local.addresses import read_environment
from local.console import Files
from local.processes import Command, Supervisor
from local.rooms import Rooms
from local.settings import StackSettings
from local.stack import Stack
from schemas.settings import Environment
from tests.proxies import HttpProxy

ROOT = Path(__file__).parents[1]
DEADLINE_SECONDS = 60
COUNTED = ("read", "inserted", "updated", "unchanged", "stale", "repeated", "rejected")
FREE_PORTS = dict.fromkeys(
    ("MRU_LOCAL_API_PORT", "MRU_LOCAL_AWS_PORT", "MRU_LOCAL_POSTGRES_PORT"), "0"
)


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[tuple[dict[str, str], "subprocess.Popen[str]"]]:
    """Yields what stack.env says, once it is there, and the supervisor's process."""
    file = folder / "stack.env"
    with (folder / "output").open("a") as output:
        stack = subprocess.Popen(
            [sys.executable, "-m", "local", "up"],
            env={**os.environ, **FREE_PORTS, "MRU_LOCAL_DIR": str(folder)},
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not file.exists():
            assert stack.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < deadline, (folder / "output").read_text()
            time.sleep(0.05)
        yield read_environment(file), stack
    finally:
        stack.terminate()
        stack.wait(DEADLINE_SECONDS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _BehindProxy(Rooms):
    """The rooms, of which the worker sees S3 through a proxy."""

    proxy: HttpProxy

    def worker(self, environment: Mapping[str, str], metrics: int | None = None) -> Command:
        self.proxy.upstream_port = urlsplit(environment["AWS_ENDPOINT_URL"]).port or 0
        return super().worker({**environment, "AWS_ENDPOINT_URL_S3": self.proxy.url}, metrics)


@contextlib.contextmanager
def running_stack_behind(
    proxy: HttpProxy, folder: Path, **variables: str
) -> Iterator[dict[str, str]]:
    """Runs the same processes with a proxy between the worker and S3.

    Yields what stack.env would say.
    """
    settings = StackSettings.read(Environment({**FREE_PORTS, "MRU_LOCAL_DIR": str(folder)}))
    output = Files(folder / "logs")
    rooms = _BehindProxy(
        settings=settings,
        environ={**os.environ, **variables},
        secret_file=folder / "notification-secret",
        heartbeat_file=folder / "worker-heartbeat",
        proxy=proxy,
    )
    with Supervisor(output) as supervisor:
        yield Stack(settings, supervisor, output, rooms).start(lambda _: None).environment()


def get(url: str) -> Any:
    with urllib.request.urlopen(url) as response:
        return json.load(response)


def upload(environment: dict[str, str], file: Path) -> None:
    put(environment, file.name, file.read_bytes())


def put(environment: dict[str, str], key: str, body: bytes) -> None:
    s3 = boto3.session.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    ).client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    s3.put_object(Bucket=environment["MRU_BUCKET"], Key=key, Body=body)
    s3.close()


def wait_for_import(environment: dict[str, str], key: str) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        for found in get(f"{environment['API_URL']}/imports"):
            if found["key"] == key and found["finished_at"]:
                return found
        assert time.monotonic() < deadline, f"{key} was not imported"
        time.sleep(0.05)


def upload_all(environment: dict[str, str], files: list[Path]) -> dict[str, int]:
    """Uploads files, waits until each has an import more, and returns the sums of those."""
    before = {found["id"] for found in get(f"{environment['API_URL']}/imports?limit=100")}
    for file in files:
        upload(environment, file)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        listed: list[Any] = get(f"{environment['API_URL']}/imports?limit=100")
        new = [found for found in listed if found["id"] not in before]
        if len(new) == len(files) and all(found["status"] == "succeeded" for found in new):
            return {name: sum(found[name] for found in new) for name in COUNTED}
        assert time.monotonic() < deadline, new
        time.sleep(0.1)
