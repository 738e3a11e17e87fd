"""The API's metrics: of all of its processes together, on a port of their own, whoever dies."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.database import Dsns
from tests.calling import api_environment
from tests.gunicorn import Gunicorn
from tests.rig import DEADLINE_SECONDS, ROOT, wait_until
from tests.rows import make_movie
from tests.scraping import Scrape, shown_port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "counts"
    folder.mkdir()
    (folder / "counter_7.db").write_bytes(b"what an API counted that was killed")
    return folder


@pytest.fixture
def gunicorn(database: Dsns, folder: Path) -> Iterator[Gunicorn]:
    make_movie(database.admin)
    environment = api_environment(
        database.api,
        WEB_CONCURRENCY="2",
        MRU_METRICS_BIND="127.0.0.1:0",
        PROMETHEUS_MULTIPROC_DIR=str(folder),
    )
    with Gunicorn(environment) as running:
        yield running


def counted(gunicorn: Gunicorn, **labels: object) -> float:
    return Scrape.at(shown_port(gunicorn.lines)).sum("mru_api_requests_total", **labels)


def wait_until_replaced(master: psutil.Process, victim: psutil.Process) -> None:
    def replaced() -> bool:
        children = master.children()
        return len(children) == 2 and victim not in children

    wait_until("it is replaced", replaced)


def test_all_processes_count_together_and_what_a_dead_one_counted_stays(
    gunicorn: Gunicorn, folder: Path
) -> None:
    master = psutil.Process(gunicorn.process.pid)
    asked = 0

    def ask() -> None:
        nonlocal asked
        for _ in range(10):
            assert gunicorn.ask("GET", "/movies?title=treasure")[0] == 200
            asked += 1

    two_each = {f"{kind}_{place}.db" for kind in ("counter", "histogram") for place in (0, 1)}
    deadline = time.monotonic() + DEADLINE_SECONDS
    while {path.name for path in folder.iterdir()} != two_each:
        assert time.monotonic() < deadline
        ask()
    assert counted(gunicorn, method="GET", route="/movies", status=200) == asked
    for number in range(2):
        victim = master.children()[number]
        victim.kill()
        wait_until_replaced(master, victim)
        ask()
    assert counted(gunicorn, method="GET", route="/movies", status=200) == asked
    assert {path.name for path in folder.iterdir()} == two_each


def test_routes_are_counted_and_not_paths_and_what_clients_make_up_is_one_series(
    gunicorn: Gunicorn,
) -> None:
    _, headers, _ = gunicorn.ask("GET", "/movies?title=treasure")
    for path in (
        f"/movies/{uuid.uuid4()}",
        f"/movies/{uuid.uuid4()}",
        "/nothing/1",
        "/nothing/2",
        "/metrics",
    ):
        gunicorn.ask("GET", path)
    gunicorn.ask("SPELL", "/movies")
    known = f"If-None-Match: {headers['ETag']}\r\nConnection: close\r\n\r\n".encode()
    with pytest.raises(ValueError, match="Expecting value"):  # a 304 has no body
        gunicorn.send(b"GET /movies?title=treasure HTTP/1.1\r\nHost: api\r\n" + known)
    scrape = Scrape.at(shown_port(gunicorn.lines))

    def count(**labels: object) -> float:
        return scrape.sum("mru_api_requests_total", **labels)

    assert count(route="/movies", status=200) == 1
    assert count(route="/movies", status=304) == 1
    assert count(route="/movies/<uuid:movie_id>") == 2
    assert count(route="other", method="GET", status=404) == 3  # /metrics is not public
    assert count(method="other", status=405) == 1
    durations = {"method": "GET", "route": "/movies"}
    assert scrape.sum("mru_api_request_duration_seconds_count", **durations) == 2
    assert scrape.sum("mru_api_database_errors_total") == 0
    assert "mru_api_database_errors_total" in scrape.series()


def test_a_wrong_address_is_named_in_one_line_and_nothing_is_served() -> None:
    environment = api_environment("postgresql://nobody@127.0.0.1:1/none", MRU_METRICS_BIND="9101")
    command = [sys.executable, "-m", "api"]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "MRU_API_BIND": "127.0.0.1:0", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert ran.returncode == 2
    assert ran.stderr == "MRU_METRICS_BIND must be HOST:PORT or fd://NUMBER, not '9101'.\n"
