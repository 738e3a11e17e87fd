"""Readiness: a process that has reached its database stays ready, whatever becomes of it."""

import functools
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import psycopg2
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from api.database_watch import GOOD_FOR_SECONDS
from local.database import Dsns
from local.postgres import Address
from local.status import find_fault
from tests.calling import api_environment, make_api
from tests.gunicorn import Gunicorn
from tests.proxies import TcpProxy
from tests.rig import wait_until
from tests.rows import make_movie
from tests.scraping import Scrape, shown_port

AVAILABLE = {"status": "ready", "database": "available"}
UNAVAILABLE = {"status": "ready", "database": "unavailable"}
NOT_MIGRATED = {"status": "ready", "database": "not migrated"}

Ask = Callable[[], tuple[int, Any]]


def asking(client: FlaskClient) -> Ask:
    def ask() -> tuple[int, Any]:
        started = time.monotonic()
        answer = client.get("/health/ready")
        assert time.monotonic() - started < 2  # the chart's timeoutSeconds
        return answer.status_code, answer.get_json()

    return ask


def wait_for(ask: Ask, answer: tuple[int, Any]) -> None:
    wait_until(f"readiness answers {answer}", lambda: ask() == answer)


@pytest.fixture
def proxy(database: Dsns) -> Iterator[TcpProxy]:
    port = sa.make_url(database.api).port
    assert port
    with TcpProxy(port) as running:
        yield running


def through(proxy: TcpProxy, database: Dsns) -> str:
    url = sa.make_url(database.api).set(port=proxy.port)
    return url.render_as_string(hide_password=False)


@pytest.fixture
def empty(postgres: Address) -> Iterator[str]:
    """The name of a database without tables."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(postgres.dsn())
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield name
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


def test_a_migrated_database_is_available(database: Dsns) -> None:
    assert asking(make_api(database.api).test_client())() == (200, AVAILABLE)


def test_an_api_that_never_reached_its_database_is_not_ready(
    database: Dsns, proxy: TcpProxy
) -> None:
    proxy.refusing = True
    client = make_api(through(proxy, database)).test_client()
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json()["detail"].startswith("The database does not answer, and has not")
    proxy.refusing = False
    wait_for(asking(client), (200, AVAILABLE))


def test_an_api_whose_database_never_had_tables_is_not_ready(postgres: Address, empty: str) -> None:
    answer = make_api(postgres.dsn(empty)).test_client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["detail"].startswith("The database has no tables yet")


def test_an_api_whose_database_went_away_stays_ready_and_says_so(
    database: Dsns, proxy: TcpProxy
) -> None:
    client = make_api(through(proxy, database)).test_client()
    ask = asking(client)
    assert ask() == (200, AVAILABLE)
    proxy.refusing = True
    proxy.cut()
    wait_for(ask, (200, UNAVAILABLE))
    assert client.get("/movies").status_code == 503
    proxy.refusing = False
    wait_for(ask, (200, AVAILABLE))


def test_an_api_whose_tables_are_gone_stays_ready_and_says_so(database: Dsns) -> None:
    ask = asking(make_api(database.api).test_client())
    assert ask() == (200, AVAILABLE)
    admin = psycopg2.connect(database.admin)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute("ALTER TABLE movies RENAME TO gone")
        wait_for(ask, (200, NOT_MIGRATED))
        cursor.execute("ALTER TABLE gone RENAME TO movies")
    admin.close()
    wait_for(ask, (200, AVAILABLE))


def test_a_locked_table_keeps_nobody_from_being_ready(database: Dsns) -> None:
    make_movie(database.admin)
    ask = asking(make_api(database.api).test_client())
    assert ask() == (200, AVAILABLE)
    locker = psycopg2.connect(database.admin)
    with locker.cursor() as cursor:
        cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        deadline = time.monotonic() + GOOD_FOR_SECONDS + 1  # so that the database is asked again
        while time.monotonic() < deadline:
            assert ask() == (200, AVAILABLE)
    locker.close()


@pytest.fixture
def gunicorn(database: Dsns, proxy: TcpProxy) -> Iterator[Gunicorn]:
    environment = api_environment(
        through(proxy, database), WEB_CONCURRENCY="2", MRU_METRICS_BIND="127.0.0.1:0"
    )
    with Gunicorn(environment) as running:
        yield running


def ready_of(gunicorn: Gunicorn) -> tuple[int, Any]:
    status, _, body = gunicorn.ask("GET", "/health/ready")
    return status, body


def database_up(gunicorn: Gunicorn) -> float:
    return Scrape.at(shown_port(gunicorn.lines)).sum("mru_api_database_up")


def test_a_process_that_starts_while_the_database_is_away_is_as_ready_as_the_others(
    gunicorn: Gunicorn, proxy: TcpProxy
) -> None:
    assert ready_of(gunicorn) == (200, AVAILABLE)
    assert database_up(gunicorn) == 1
    proxy.refusing = True
    proxy.cut()
    master = psutil.Process(gunicorn.process.pid)
    for victim in master.children():
        victim.kill()
        wait_until("it is replaced", functools.partial(replaced, master, victim))
    for _ in range(10):
        assert ready_of(gunicorn) == (200, UNAVAILABLE)
    assert database_up(gunicorn) == 0
    proxy.refusing = False
    wait_until("the database is back", lambda: database_up(gunicorn) == 1)


def replaced(master: psutil.Process, victim: psutil.Process) -> bool:
    children = master.children()
    return len(children) == 2 and victim not in children


def test_a_new_api_is_not_ready_until_it_has_reached_the_database(
    gunicorn: Gunicorn, proxy: TcpProxy
) -> None:
    proxy.refusing = True
    assert ready_of(gunicorn)[0] == 503
    proxy.refusing = False
    wait_for(lambda: ready_of(gunicorn), (200, AVAILABLE))


def test_the_status_of_a_local_stack_is_that_of_its_database_too(
    gunicorn: Gunicorn, proxy: TcpProxy
) -> None:
    url = f"http://127.0.0.1:{gunicorn.port}"
    proxy.refusing = True
    wait_until("it is not ready", lambda: find_fault(url) == "the API is not ready")
    proxy.refusing = False
    wait_until("the stack is up", lambda: find_fault(url) is None)
    proxy.refusing = True
    proxy.cut()
    wait_until("it is not", lambda: find_fault(url) == "the database is unavailable")
    assert find_fault("http://127.0.0.1:1") == "the API does not answer"


def test_many_who_ask_while_postgres_hangs_start_one_thread(
    database: Dsns, proxy: TcpProxy
) -> None:
    api = make_api(through(proxy, database))
    ask = asking(api.test_client())
    assert ask() == (200, AVAILABLE)

    def ask_and_count(_: int) -> tuple[tuple[int, Any], int]:
        answer = asking(api.test_client())()
        return answer, sum(thread.name == "database" for thread in threading.enumerate())

    with socket.create_server(("127.0.0.1", 0)) as mute:
        proxy.upstream_port, port = mute.getsockname()[1], proxy.upstream_port
        proxy.cut()
        wait_for(ask, (200, UNAVAILABLE))
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(ask_and_count, range(100)))
    proxy.upstream_port = port
    assert [answer for answer, _ in answers] == [(200, UNAVAILABLE)] * 100
    assert max(number for _, number in answers) == 1
    wait_for(ask, (200, AVAILABLE))
