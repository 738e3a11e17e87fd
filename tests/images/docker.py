"""The docker command, as far as the checks of the images use it."""

import contextlib
import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Completed = subprocess.CompletedProcess[str]


def run(*words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Completed:
    """Runs a docker command to its end, whatever that is."""
    return subprocess.run(
        ["docker", *words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def must(*words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Runs a docker command, which has to succeed, and returns what it printed."""
    done = run(*words, cwd=cwd, env=env)
    told = f"docker {' '.join(words)}: exit {done.returncode}\n{done.stdout[-3000:]}"
    assert done.returncode == 0, f"{told}{done.stderr[-6000:]}"
    return done.stdout.strip()


@dataclasses.dataclass(frozen=True)
class Container:
    """One container, by its id."""

    id: str

    def state(self) -> dict[str, Any]:
        """Returns what the engine knows of it: Running, ExitCode, Health and more."""
        found: dict[str, Any] = json.loads(must("inspect", "--format", "{{json .State}}", self.id))
        return found

    def variables(self) -> dict[str, str]:
        """Returns what it is told of ours and of AWS: variables by name."""
        listed = json.loads(must("inspect", "--format", "{{json .Config.Env}}", self.id))
        pairs = (pair.partition("=") for pair in listed)
        return {name: value for name, _, value in pairs if name.startswith(("MRU_", "AWS_"))}

    def logs(self) -> str:
        done = run("logs", self.id)
        return done.stdout + done.stderr

    def execute(self, *words: str) -> Completed:
        return run("exec", self.id, *words)

    def terminate(self) -> tuple[int, float]:
        """Sends SIGTERM. Returns the exit code, and the seconds until it ended."""
        begin = time.monotonic()
        must("kill", "--signal", "TERM", self.id)
        code = int(must("wait", self.id))
        return code, time.monotonic() - begin


@contextlib.contextmanager
def container(
    image: str, *command: str, options: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> Iterator[Container]:
    """Creates a container and starts it; it is gone afterwards."""
    variables = [word for pair in (env or {}).items() for word in ("--env", "=".join(pair))]
    made = Container(must("create", *options, *variables, image, *command))
    try:
        must("start", made.id)
        yield made
    finally:
        run("rm", "--force", "--volumes", made.id)


def size_mb(image: str) -> float:
    """Returns the size of an image, unpacked, in millions of bytes."""
    return int(must("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
