"""Clients that send or read slowly, by the hundred: everybody else is served as if alone.

`make bench-strangers` holds the pressure of each kind for a minute.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator

import boto3
import psutil
import pytest

from bench.clients.honest import honest_clients
from bench.clients.slow import KINDS, SECRET, SlowClients
from local.database import Dsns
from tests.calling import api_environment
from tests.gunicorn import Gunicorn
from tests.rig import AWS, REGION, moto_server, wait_until
from tests.rows import make_movie, make_movies

NUMBER = 100  # of each kind: two processes have room for 800
SECONDS = 15  # long enough for each connection to be cut off once


@pytest.fixture
def gunicorn(database: Dsns) -> Iterator[Gunicorn]:
    make_movie(database.admin)
    cast = [f"{'Fat name ' * 3}{number}" for number in range(150)]
    make_movies(database.admin, ({"title": f"Fat {n}", "cast": cast} for n in range(100)))
    with moto_server() as port:
        endpoint = f"http://127.0.0.1:{port}"
        sqs = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        url = sqs.create_queue(QueueName="imports")["QueueUrl"]
        environment = api_environment(
            database.api,
            **AWS,
            AWS_ENDPOINT_URL=endpoint,
            MRU_QUEUE_URL=url,
            MRU_NOTIFICATION_SECRET=SECRET,
            WEB_CONCURRENCY="2",
        )
        with Gunicorn(environment) as running:
            wait_until_all_serve(running)
            yield running


def wait_until_all_serve(gunicorn: Gunicorn) -> None:
    """Waits until each process has served: the first responses come while others still start."""
    master = psutil.Process(gunicorn.process.pid)

    def all_have_served() -> bool:
        gunicorn.ask("GET", "/movies?title=treasure")
        # A thread is started by the first request that it serves.
        return all(child.num_threads() > 1 for child in master.children())

    wait_until("all processes serve", all_have_served)


def test_slow_clients_keep_nobody_waiting_and_are_cut_off(gunicorn: Gunicorn) -> None:
    searches = itertools.repeat("/movies?title=treasure")
    slow = {name: SlowClients(gunicorn.port, kind, NUMBER) for name, kind in KINDS.items()}
    with contextlib.ExitStack() as stack:
        for clients in slow.values():
            stack.enter_context(clients)
        honest = stack.enter_context(honest_clients(gunicorn.port, gunicorn.port, SECRET, searches))
        time.sleep(SECONDS)  # there is no event to wait for: this is how long they are slow
    assert set(honest.live.statuses) == {200}
    assert set(honest.search.statuses) == {200}
    assert set(honest.notify.statuses) == {202}
    # bench/strangers.py measures how long they took; without the cure none comes back at all.
    assert max(honest.live.slowest, honest.search.slowest) < 5
    for name, clients in slow.items():
        assert len(clients.lasted) >= 2 * NUMBER, name
        assert max(clients.lasted) < 15, name
