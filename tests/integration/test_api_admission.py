"""What the API does when searches would take long, or cannot be answered: real processes, and a
real Postgres that a lock or the number of movies keeps busy.
"""

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import boto3
import psycopg2
import pytest

from api.deadline import REQUEST_SECONDS
from bench.generate import generate
from bench.load import load_movies
from local.database import Dsns
from local.postgres import Address
from tests.calling import BUCKET, api_environment, make_signed
from tests.databases import make_database
from tests.gunicorn import DEADLINE_SECONDS, Gunicorn
from tests.rig import wait_until
from tests.rows import make_import, make_movie
from worker.roles import API

_OF_THE_API = """
application_name = 'movies-r-us-api' AND datname = current_database()
AND backend_type = 'client backend'
"""
_ACTIVE = f"SELECT pid FROM pg_stat_activity WHERE {_OF_THE_API} AND state = 'active'"
_WAITING = f"{_ACTIVE} AND wait_event_type = 'Lock'"
# What the costly searches below have Postgres do once they are admitted; the cheap ones, whose
# statements have such a bound as well, are by year.
_ADMITTED = f"""
{_ACTIVE} AND query LIKE 'SET LOCAL statement_timeout%' AND query NOT LIKE '%ORDER BY year%'
"""


class Admin:
    """A superuser's connection, which can lock the movies and see what the API has Postgres do."""

    def __init__(self, dsn: str) -> None:
        self._seeing, self._locking = psycopg2.connect(dsn), psycopg2.connect(dsn)
        self._seeing.autocommit = True

    def pids(self, query: str) -> set[int]:
        with self._seeing.cursor() as cursor:
            cursor.execute(query)
            return {pid for (pid,) in cursor.fetchall()}

    def set_for_api(self, **settings: str) -> None:
        """Changes the API's sessions in this database, those to come."""
        with self._seeing.cursor() as cursor:
            for name, value in settings.items():
                database = self._seeing.info.dbname
                cursor.execute(
                    f'ALTER ROLE {API} IN DATABASE "{database}" SET {name} = %s', (value,)
                )

    @contextlib.contextmanager
    def locked_movies(self) -> Iterator[None]:
        with self._locking.cursor() as cursor:
            cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        try:
            yield
        finally:
            self._locking.rollback()

    def close(self) -> None:
        self._seeing.close()
        self._locking.close()


@pytest.fixture
def admin(database: Dsns) -> Iterator[Admin]:
    make_movie(database.admin)
    with contextlib.closing(Admin(database.admin)) as connected:
        yield connected


@contextlib.contextmanager
def serving(database: Dsns, **environment: str) -> Iterator[Gunicorn]:
    with Gunicorn(api_environment(database.api, WEB_CONCURRENCY="1", **environment)) as gunicorn:
        wait_until("the database is reached", lambda: gunicorn.ask("GET", "/movies")[0] == 200)
        yield gunicorn


def ask_all(gunicorn: Gunicorn, paths: list[str]) -> list[tuple[int, float]]:
    """Asks for all at once, and returns the statuses and how many seconds each took."""

    def ask(path: str) -> tuple[int, float]:
        began = time.monotonic()
        return gunicorn.ask("GET", path)[0], time.monotonic() - began

    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(ask, paths))


# Clients that have gone.


def test_what_a_client_that_has_gone_asked_for_is_cancelled(database: Dsns, admin: Admin) -> None:
    admin.set_for_api(lock_timeout="60s", statement_timeout="60s")
    with serving(database) as gunicorn:
        with admin.locked_movies():
            with socket.create_connection(("127.0.0.1", gunicorn.port)) as client:
                client.sendall(b"GET /movies?title=gone HTTP/1.1\r\nHost: api\r\n\r\n")
                wait_until("the search waits", lambda: admin.pids(_WAITING))
                (pid,) = admin.pids(_WAITING)
            # Nothing else ends it: the lock is held, and its time is long.
            began = time.monotonic()
            wait_until("the search is cancelled", lambda: not admin.pids(_ACTIVE))
            assert time.monotonic() - began < 3  # the API itself gives up after 4
            line = gunicorn.wait_for('"status": ?499')
            served = json.loads(line.string)
            assert (served["event"], served["path"]) == ("request served", "/movies")
        assert gunicorn.ask("GET", "/movies?title=treasure")[0] == 200
        everyone = f"SELECT pid FROM pg_stat_activity WHERE {_OF_THE_API}"
        assert pid in admin.pids(everyone)  # its connection is as good as before


def test_what_a_client_that_waits_asked_for_is_not_cancelled(database: Dsns, admin: Admin) -> None:
    admin.set_for_api(lock_timeout="60s")
    with serving(database) as gunicorn, ThreadPoolExecutor(1) as pool:
        with admin.locked_movies():
            asked = pool.submit(gunicorn.ask, "GET", "/movies?title=treasure")
            wait_until("the search waits", lambda: admin.pids(_WAITING))
        assert asked.result(DEADLINE_SECONDS)[0] == 200


# The time of a whole request.


def test_no_request_takes_longer_than_its_time_however_many_there_are(
    database: Dsns, admin: Admin
) -> None:
    admin.set_for_api(lock_timeout="60s")
    paths = [f"/movies?title=long{number}" for number in range(20)]
    with serving(database) as gunicorn, admin.locked_movies():
        for status, seconds in ask_all(gunicorn, paths):
            assert status == 503
            assert seconds < REQUEST_SECONDS + 3  # the last statement began in time


@pytest.mark.parametrize("path", ["/movies", "/movies/facets", "/suggest?term=tr", "/?title=tr"])
def test_no_kind_of_search_takes_longer(database: Dsns, admin: Admin, path: str) -> None:
    admin.set_for_api(lock_timeout="60s")
    with (
        serving(database) as gunicorn,
        admin.locked_movies(),
        socket.create_connection(("127.0.0.1", gunicorn.port), DEADLINE_SECONDS) as client,
    ):
        began = time.monotonic()
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: api\r\n\r\n".encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 ")
        assert time.monotonic() - began < REQUEST_SECONDS + 3


# Costly searches.


@pytest.fixture(scope="module")
def many(postgres: Address) -> Iterator[Dsns]:
    """A database with so many movies that a costly search takes a while."""
    with make_database(postgres) as database:
        load_movies(database.admin, generate(60_000))
        yield database


def costly_searches() -> Iterator[str]:
    """Yields searches that read every movie, each another one."""
    for one, other in itertools.permutations("abcdefghilmnoprst", 2):
        yield f"/movies?title={one}{other}&actor={other}{one}&sort=title"


class Meanwhile:
    """What happens while costly searches run: how many run at once, and how cheap ones fare."""

    def __init__(self, gunicorn: Gunicorn, dsn: str) -> None:
        self.most_at_once = 0
        self.cheap: list[int] = []
        self._gunicorn, self._dsn = gunicorn, dsn
        self._over = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._watch, self._ask)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def _watch(self) -> None:
        with contextlib.closing(Admin(self._dsn)) as admin:
            while not self._over.is_set():
                self.most_at_once = max(self.most_at_once, len(admin.pids(_ADMITTED)))

    def _ask(self) -> None:
        for year in itertools.cycle(range(1900, 2000)):
            if self._over.is_set():
                return
            status, _, _ = self._gunicorn.ask("GET", f"/movies?year={year}&count=none")
            self.cheap.append(status)


@pytest.mark.parametrize("at_once", [1, 2])
def test_only_so_many_costly_searches_run_at_once(many: Dsns, at_once: int) -> None:
    searches = list(itertools.islice(costly_searches(), 60))
    with (
        serving(many, MRU_COSTLY_SEARCHES=str(at_once)) as gunicorn,
        Meanwhile(gunicorn, many.admin) as meanwhile,
        ThreadPoolExecutor(12) as pool,
    ):
        responses = list(pool.map(lambda path: gunicorn.ask("GET", path), searches))
    assert {status for status, _, _ in responses} == {200, 503}
    for status, headers, problem in responses:
        if status == 503:
            assert headers["Retry-After"] == "1"
            assert "busy" in problem["detail"]
    assert 1 <= meanwhile.most_at_once <= at_once
    assert len(meanwhile.cheap) > 5
    assert set(meanwhile.cheap) == {200}


# Movies that cannot be read.


def test_while_movies_are_locked_searches_are_rejected_at_once(
    database: Dsns, admin: Admin, aws: str
) -> None:
    queue: Any = boto3.client("sqs", endpoint_url=aws, region_name="eu-west-1").create_queue(
        QueueName="while-locked"
    )
    environment = {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "MRU_QUEUE_URL": queue["QueueUrl"],
    }
    made = make_import(database.admin)
    post = make_signed({"bucket": BUCKET, "key": "movies.json"})
    headers = post["headers"] | {"Content-Type": post["content_type"]}
    with serving(database, **environment) as gunicorn:
        with admin.locked_movies():
            for number in range(3):
                assert gunicorn.ask("GET", f"/movies?title=first{number}")[0] == 503
            began = time.monotonic()
            for number in range(30):
                assert gunicorn.ask("GET", f"/movies?title=then{number}")[0] == 503
                assert len(admin.pids(_WAITING)) <= 1
            assert time.monotonic() - began < 10  # each of them would wait for a second otherwise
            assert gunicorn.ask("GET", f"/imports/{made}")[0] == 200
            assert gunicorn.ask("GET", "/imports")[0] == 200
            asked = gunicorn.ask("POST", "/notifications", body=post["data"], headers=headers)
            assert asked[0] == 202
        began = time.monotonic()
        wait_until(
            "searches are answered",
            lambda: gunicorn.ask("GET", "/movies?title=treasure")[0] == 200,
        )
        assert time.monotonic() - began < 3  # a trial a second
