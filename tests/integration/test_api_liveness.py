"""Liveness beside the metrics: neither slow clients nor busy searches keep a probe waiting."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pytest

from local.database import Dsns
from tests.calling import api_environment
from tests.gunicorn import Gunicorn
from tests.rig import wait_until
from tests.scraping import Scrape, shown_port
from tests.slow_clients import HALF_A_HEAD, probe, send_to_all, slow_clients, still_open

SECONDS = 12
CUT_OFF_SECONDS = 15


@pytest.fixture
def gunicorn(database: Dsns) -> Iterator[Gunicorn]:
    environment = api_environment(database.api, WEB_CONCURRENCY="1", MRU_METRICS_BIND="127.0.0.1:0")
    with Gunicorn(environment) as running:
        assert running.ask("GET", "/health/live")[0] == 200
        yield running


def test_three_hundred_slow_clients_of_the_metrics_stop_neither_probes_nor_scrapes(
    gunicorn: Gunicorn,
) -> None:
    port = shown_port(gunicorn.lines)
    with ExitStack() as stack:
        half, silent, dripping = (
            stack.enter_context(slow_clients(port, 100, sent)) for sent in (HALF_A_HEAD, b"", b"G")
        )
        opened = time.monotonic()
        took = []
        while (now := time.monotonic()) - opened < SECONDS:
            send_to_all(dripping, b"E")
            took.append(probe(port))
            time.sleep(max(0.0, now + 1 - time.monotonic()))  # a byte a second
        assert "mru_api_requests_total" in Scrape.at(port).series()
        left = opened + CUT_OFF_SECONDS - time.monotonic()
        assert still_open([*half, *silent, *dripping], seconds=left) == 0
    print(f"\n{len(took)} probes, the slowest took {max(took):.3f} s")
    assert max(took) < 1


def test_searches_that_wait_for_the_database_keep_no_probe_waiting(
    gunicorn: Gunicorn, database: Dsns
) -> None:
    port = shown_port(gunicorn.lines)
    locker = psycopg2.connect(database.admin)
    statuses: list[int] = []
    clients = [
        threading.Thread(target=lambda: statuses.append(gunicorn.ask("GET", "/movies?title=x")[0]))
        for _ in range(8)
    ]
    with locker.cursor() as cursor:
        cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        for client in clients:
            client.start()

        def blocked() -> bool:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0] == 4)

        wait_until("every thread waits for the lock", blocked)
        assert max(probe(port) for _ in range(5)) < 1
    for client in clients:
        client.join()
    locker.close()
    assert 503 in statuses


# Keeps whoever imports the application waiting until somebody opens the other end of the pipe.
WAITING = """
import sys

class Gate:
    def find_spec(self, name, path=None, target=None):
        if name == "api.app":
            open({pipe!r}).close()

sys.meta_path.insert(0, Gate())
"""


def test_a_probe_is_answered_once_the_application_is_loaded(database: Dsns, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "sitecustomize.py").write_text(WAITING.format(pipe=str(pipe)))
    environment = api_environment(
        database.api,
        WEB_CONCURRENCY="1",
        MRU_METRICS_BIND="127.0.0.1:0",
        PYTHONPATH=str(tmp_path),
    )
    with Gunicorn(environment) as gunicorn:
        gunicorn.wait_for("Booting worker")
        port = shown_port(gunicorn.lines)
        with pytest.raises(TimeoutError):
            probe(port, seconds=2)
        pipe.open("w").close()
        probe(port, seconds=30)
