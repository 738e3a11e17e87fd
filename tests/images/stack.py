"""`docker compose up` in a clone, and what its user does with it: uploads, searches, looks."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.images.docker import Container, must, run

PROJECT: Final = "mru-check-images"
API: Final = "http://127.0.0.1:8080"
BUCKET: Final = "http://127.0.0.1:4566/movies-r-us"
_DEADLINE_SECONDS: Final = 180


class Stack:
    """The containers of a project, from outside."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone

    def compose(self, *words: str) -> str:
        return must("compose", "--project-name", PROJECT, *words, cwd=self.clone)

    def containers(self, service: str) -> list[Container]:
        ids = self.compose("ps", "--all", "--quiet", service).splitlines()
        return [Container(each) for each in ids]

    def one(self, service: str) -> Container:
        (found,) = self.containers(service)
        return found

    def query(self, sql: str) -> list[list[str]]:
        """Asks Postgres as its administrator, inside its container."""
        words = ("psql", "--username", "mru_admin", "--dbname", "movies", "--csv", "--tuples-only")
        printed = self.compose("exec", "--no-TTY", "postgres", *words, "--command", sql)
        return [line.split(",") for line in printed.splitlines()]

    def ledger(self, key: str) -> dict[str, Any]:
        """Returns the ledger's newest entry of a key, or nothing."""
        listed = get_json(f"{API}/imports?prefix={key}&limit=1")
        return dict(listed[0]) if listed else {}

    def put(self, key: str, body: bytes) -> None:
        """Uploads an object; returns when S3 has answered."""
        # The emulator takes urllib's own type for a form, and the object would be empty.
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{BUCKET}/{key}", body, headers, method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200

    def wait_until_imported(self, key: str) -> dict[str, Any]:
        ended = {"succeeded", "failed", "superseded"}
        wait_until(f"{key} is imported", lambda: self.ledger(key).get("status") in ended)
        entry = self.ledger(key)
        assert entry["status"] == "succeeded", entry
        return entry


def wait_until(what: str, condition: Callable[[], Any], seconds: float = _DEADLINE_SECONDS) -> None:
    """Returns as soon as the condition holds; an API that does not answer is no answer yet."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.1)


def get(url: str, seconds: float = 10) -> bytes:
    """Returns an answer's body. Raises urllib's HTTPError for a status beyond 299."""
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        body: bytes = answer.read()
        return body


def get_json(url: str) -> Any:
    return json.loads(get(url))


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def kill_hard(container: Container) -> None:
    """Ends a container's first process by SIGKILL, from outside, as the kernel would.

    `docker kill` would do, too, but the engine takes that for an operator's wish and does not
    start the container again.
    """
    pid = int(container.state()["Pid"])
    assert pid > 0, "it does not run"
    if os.geteuid() == 0:
        os.kill(pid, signal.SIGKILL)
    else:
        subprocess.run(["sudo", "kill", "-KILL", str(pid)], check=True)


def example_of_the_readme(clone: Path) -> list[str]:
    """Returns the two commands that README.md gives: an upload and a search."""
    text = (clone / "README.md").read_text("utf-8")
    found = re.findall(r"^curl .+$", text, re.MULTILINE)
    assert [command.split()[1][:2] for command in found[:2]] == ["-T", "'h"], found
    return found[:2]


@contextlib.contextmanager
def running_stack(clone: Path) -> Iterator[Stack]:
    """Brings it up as a user does; `down` has to succeed, and leaves nothing."""
    stack = Stack(clone)
    down = ("compose", "--project-name", PROJECT, "down", "--volumes", "--timeout", "1")
    run(*down, cwd=clone)  # what a run that was cut off left
    try:
        begin = time.monotonic()
        stack.compose("up", "--build", "--detach")
        print(f"\ncompose up --build: {time.monotonic() - begin:.0f} s")
        yield stack
        begin = time.monotonic()
        stack.compose("down", "--volumes")
        print(f"\ncompose down: {time.monotonic() - begin:.0f} s")
    finally:
        run(*down, cwd=clone)
