"""`make up` in a folder of the test's own, and what any client of it does: upload, look, wait."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from local.addresses import read_environment

ROOT = Path(__file__).parents[1]
DEADLINE_SECONDS = 60
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


def get(url: str) -> Any:
    with urllib.request.urlopen(url) as response:
        return json.load(response)


def upload(environment: dict[str, str], file: Path) -> None:
    s3 = boto3.session.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    ).client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    s3.upload_file(str(file), environment["MRU_BUCKET"], file.name)
    s3.close()


def wait_for_import(environment: dict[str, str], key: str) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        for found in get(f"{environment['API_URL']}/imports"):
            if found["key"] == key and found["finished_at"]:
                return found
        assert time.monotonic() < deadline, f"{key} was not imported"
        time.sleep(0.05)
