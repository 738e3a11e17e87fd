"""`make up` as a developer uses it: any client can be pointed at it, Ctrl-C ends all of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil

from local.addresses import read_environment

ROOT = Path(__file__).parents[2]
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
            if found["key"] == key and found["status"] != "running":
                return found
        assert time.monotonic() < deadline, f"{key} was not imported"
        time.sleep(0.05)


def test_a_dropped_file_is_found_and_the_database_survives_a_restart(tmp_path: Path) -> None:
    with running_stack(tmp_path) as (environment, stack):
        assert (tmp_path / "stack.env").stat().st_mode & 0o777 == 0o600
        secret = Path(environment["MRU_NOTIFICATION_SECRET_FILE"])
        assert secret.stat().st_mode & 0o777 == 0o600
        upload(environment, ROOT / "samples" / "one-movie.json")
        assert wait_for_import(environment, "one-movie.json")["inserted"] == 1
        movies = get(f"{environment['API_URL']}/movies")
        processes = psutil.Process(stack.pid).children(recursive=True)
        stack.send_signal(signal.SIGINT)
        assert stack.wait(DEADLINE_SECONDS) == 0
        _, alive = psutil.wait_procs(processes, timeout=0)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert not (tmp_path / "stack.env").exists()
    with running_stack(tmp_path) as (environment, _):
        assert get(f"{environment['API_URL']}/movies") == movies
        assert len(movies) == 1
    printed = (tmp_path / "output").read_text()
    assert "Movies-r-us is up." in printed
    assert "notifier | " in printed
    assert "Traceback" not in printed


def test_a_process_that_dies_takes_the_stack_down_and_is_named(tmp_path: Path) -> None:
    with running_stack(tmp_path) as (_, stack):
        children = psutil.Process(stack.pid).children(recursive=False)
        worker = next(child for child in children if "celery" in child.cmdline())
        worker.kill()
        assert stack.wait(DEADLINE_SECONDS) == 1
    *_, last = (tmp_path / "output").read_text().splitlines()
    assert last == "error: worker was ended by SIGKILL unexpectedly."
