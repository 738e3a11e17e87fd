"""Both images as a cluster runs them: nobody's uid, nothing to write to but /tmp, no capability."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.images.docker import Container, container
from tests.images.stack import PROJECT, Stack, wait_until

HARDENED: Final = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--user", "1234567:7654321"),
    *("--pids-limit", "64", "--memory", "512m", "--network", f"{PROJECT}_default"),
)
LOOK: Final = """
import json, os, re
status = open("/proc/self/status").read()
print(json.dumps({
    "uid": os.getuid(),
    "caps": re.search(r"CapEff:\\s*(\\w+)", status)[1],
    "no_new_privs": re.search(r"NoNewPrivs:\\s*(\\d)", status)[1],
    "first": open("/proc/1/cmdline").read().split("\\0")[0],
}))
"""
METRICS: Final = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9101/metrics').read().decode())"
)


@pytest.fixture
def api(stack: Stack, images: dict[str, str]) -> Iterator[Container]:
    told = stack.one("api").variables() | {"MRU_METRICS_BIND": "127.0.0.1:9101"}
    with container(images["api"], options=HARDENED, env=told) as found:
        yield found


@pytest.fixture
def worker(stack: Stack, images: dict[str, str]) -> Iterator[Container]:
    told = stack.containers("worker")[0].variables() | {"MRU_METRICS_BIND": "127.0.0.1:9101"}
    with container(images["worker"], options=HARDENED, env=told) as found:
        yield found


def check_confined(found: Container) -> None:
    seen = json.loads(found.execute("python", "-c", LOOK).stdout)
    assert seen == {"uid": 1234567, "caps": "0" * 16, "no_new_privs": "1", "first": "tini"}
    for place in ("/", "/app", "/venv"):
        assert found.execute("touch", f"{place}/mine").returncode != 0
    assert found.execute("touch", "/tmp/mine").returncode == 0


def is_healthy(found: Container) -> bool:
    return bool(found.state()["Health"]["Status"] == "healthy")


def test_the_hardened_api_is_healthy_and_shows_metrics(api: Container) -> None:
    wait_until("the API is healthy", lambda: is_healthy(api))
    check_confined(api)
    shown = api.execute("python", "-c", METRICS).stdout
    assert "mru_api_requests_total{" in shown
    ready = "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health/ready')"
    assert api.execute("python", "-c", ready).returncode == 0


def test_the_hardened_worker_polls_its_queue_and_shows_metrics(worker: Container) -> None:
    alive = ("python", "-m", "worker.alive")
    wait_until("the worker polls", lambda: worker.execute(*alive).returncode == 0)
    check_confined(worker)
    shown = worker.execute("python", "-c", METRICS).stdout
    assert "mru_import_event_to_commit_seconds_count 0.0" in shown
    assert "Traceback" not in worker.logs()
