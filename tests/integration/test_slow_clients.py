"""Clients that send or read slowly, by the hundred: everybody else is served as if alone.

MRU_SLOW_SECONDS=60 holds the pressure of each kind for a minute.
"""

import os
from collections.abc import Iterator

import boto3
import psutil
import pytest

from local.database import Dsns
from tests.calling import api_environment
from tests.gunicorn import Gunicorn
from tests.rig import AWS, REGION, moto_server, wait_until
from tests.rows import make_movie, make_movies
from tests.slow_clients import KINDS, SlowClients, honest_clients, summary

NUMBER = 100
# Long enough for each connection to be cut off once.
SECONDS = float(os.environ.get("MRU_SLOW_SECONDS", "13"))


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


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_keep_nobody_waiting_and_are_cut_off(gunicorn: Gunicorn, kind: str) -> None:
    def search() -> tuple[int, object, object]:
        return gunicorn.ask("GET", "/movies?title=treasure")

    slow = SlowClients(gunicorn.port, KINDS[kind], NUMBER)
    with slow, honest_clients(gunicorn.ask, search) as honest:
        honest["live"]._stop.wait(SECONDS)
    print(kind, f"cut off after {max(slow.lasted):.1f} s at most;", *(
        f"{name}: {summary(client.asked)};" for name, client in honest.items()
    ))
    assert honest["live"].statuses == {200}
    assert honest["live"].slowest < 1
    assert honest["search"].statuses == {200}
    assert honest["search"].slowest < 2
    assert honest["notification"].statuses == {202}
    assert len(slow.lasted) >= 2 * NUMBER or kind == "no reader"
    assert max(slow.lasted) < 15
