"""What the API may do in the database, and what it answers while the database is away."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import psycopg2.errors
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from api.breaker import UnansweredError
from api.errors import BusyError, DatabaseUnavailableError
from api.queries.rows import select_text
from local.database import Dsns
from schemas.tables import metadata
from tests.calling import make_api
from tests.proxies import TcpProxy
from tests.rows import make_movie


def test_postgres_itself_refuses_the_apis_role_to_write(database: Dsns) -> None:
    for table in metadata.tables.values():
        # Not an identity: nobody at all may write that.
        column = next(each.name for each in table.columns if each.identity is None)
        for statement in (
            f"INSERT INTO {table} DEFAULT VALUES",
            f"UPDATE {table} SET {column} = {column}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"DROP TABLE {table}",
            f"ALTER TABLE {table} ADD COLUMN mine text",
            f"CREATE INDEX ON {table} ({column})",
            f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
        ):
            refuse(database.api, statement)


def test_postgres_itself_refuses_the_apis_role_to_make_things(database: Dsns) -> None:
    for statement in (
        "CREATE TABLE mine (id integer)",
        "CREATE TEMPORARY TABLE mine (id integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        "DROP FUNCTION mru_fold(text)",
        "SET ROLE mru_worker",
        "COPY movies TO 'movies.csv'",
    ):
        refuse(database.api, statement)


def refuse(dsn: str, statement: str) -> None:
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")  # which the role may
            connection.commit()
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
    finally:
        connection.close()


def test_the_apis_connections_are_read_only_and_bounded(database: Dsns) -> None:
    app = make_api(database.api)
    names = ("transaction_read_only", "statement_timeout", "application_name")

    def show(connection: sa.Connection) -> list[str]:
        return [connection.execute(sa.text(f"SHOW {name}")).scalar_one() for name in names]

    shown = app.extensions["movies-r-us"].database.ask(show)
    assert shown == ["on", "3s", "movies-r-us-api"]


@pytest.fixture
def away(database: Dsns) -> "Away":
    return Away(database)


class Away:
    """An API whose way to the database goes through a proxy that can fail."""

    def __init__(self, database: Dsns) -> None:
        make_movie(database.admin)
        url = sa.make_url(database.api)
        assert url.port
        self.proxy = TcpProxy(url.port)
        self.url = url

    def client(self) -> FlaskClient:
        through = self.url.set(port=self.proxy.port).render_as_string(hide_password=False)
        return make_api(through).test_client()


def test_a_connection_that_died_is_replaced_unseen(away: Away) -> None:
    with away.proxy as proxy:
        client = away.client()
        assert client.get("/movies").status_code == 200
        proxy.cut()
        assert client.get("/movies").status_code == 200


ASLEEP = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'movies-r-us-api' AND wait_event = 'PgSleep' AND pid <> ALL (%s::int[])
"""


class Sleepy:
    """A question that takes long, however long it may take, for the first few times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked: list[int] = []

    def __call__(self, connection: sa.Connection) -> int:
        pid = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        self.asked.append(pid)
        seconds = 2.5 if len(self.asked) <= self.times else 0
        select_text(connection, "SELECT pg_sleep(%s)", (seconds,))
        return pid


def test_a_time_out_of_what_was_asked_before_spoils_a_connection(database: Dsns) -> None:
    """Postgres tells the next statement of a time-out that fired as its statement ended; here
    somebody cancels a statement long before its time.
    """
    asking = make_api(database.api).extensions["movies-r-us"].database.ask
    question = Sleepy(1)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(asking, question)
        cancel(database.admin, 1)
    assert answer.result() == question.asked[1] != question.asked[0]


def test_whoever_cancels_three_times_means_it(database: Dsns) -> None:
    asking = make_api(database.api).extensions["movies-r-us"].database.ask
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(asking, Sleepy(3))
        cancel(database.admin, 3)
    with pytest.raises(DatabaseUnavailableError):
        answer.result()


def cancel(dsn: str, times: int) -> None:
    """Cancels statements that sleep, once they are there: so many, each of another connection."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cancelled: list[int] = []
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while len(cancelled) < times and time.monotonic() < deadline:
            cursor.execute(ASLEEP, (cancelled,))
            for (pid,) in cursor.fetchall():
                cursor.execute("SELECT pg_cancel_backend(%s)", (pid,))
                cancelled.append(pid)
    connection.close()


def test_a_trial_that_reads_the_movies_lets_all_searches_through(
    database: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.breaker._TRY_EVERY_SECONDS", 0)
    asked = make_api(database.api).extensions["movies-r-us"].database
    for _ in range(3):
        with contextlib.suppress(UnansweredError), asked._breaker.question():
            raise UnansweredError("The movies were locked.")

    def be_busy(_: sa.Connection) -> None:
        raise BusyError

    with pytest.raises(BusyError):
        asked.ask_movies(be_busy)  # the movies were read before that
    with asked._breaker.question() as is_trial:
        assert not is_trial


def faults_counted() -> float:
    counted = REGISTRY.get_sample_value("mru_api_database_errors_total", {"reason": "away"})
    assert counted is not None
    return counted


def test_a_database_that_is_away_is_503_until_it_is_back(away: Away) -> None:
    with away.proxy as proxy:
        client = away.client()
        assert client.get("/movies").status_code == 200
        proxy.refusing = True
        proxy.cut()
        before = faults_counted()
        for path in ("/movies", "/imports"):
            started = time.monotonic()
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.content_type == "application/problem+json"
            assert time.monotonic() - started < 5
        assert faults_counted() - before >= 2
        assert client.get("/health/live").status_code == 200
        proxy.refusing = False
        assert client.get("/movies").status_code == 200
