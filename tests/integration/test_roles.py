"""What each role can do with a plain connection of its own: refused, ended by a default, allowed.

On two servers: one whose administrator is a superuser, and one whose administrator has the rights
of RDS' master user. docs/architecture.md shows the same table.
"""

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg2
import psycopg2.errors
import pytest
from sqlalchemy import make_url

from api.database import STATEMENT_SECONDS
from local.database import Dsns, dsns_of, environment_of
from local.postgres import Address, Postgres
from schemas.settings import Environment, SettingError
from tests.databases import FAST, PASSWORDS
from tests.rights import ALLOWED, DEFAULT, MASTER, REFUSED, SUPERUSER, End, rights_of
from worker.bounds import Bounds
from worker.prepare import Settings, prepare

NAME: Final = "movies"


@dataclasses.dataclass(frozen=True)
class Server:
    """A server that nobody else uses, prepared by one kind of administrator."""

    settings: Settings
    dsns: Dsns
    administrator: str

    def dsn(self, role: str, database: str = NAME) -> str:
        url = make_url(getattr(self.dsns, role)).set(database=database)
        return url.render_as_string(hide_password=False)


def settings_of(dsn: str, **variables: str) -> Settings:
    named = environment_of(dsn) | {
        "MRU_DB_NAME": NAME,
        "MRU_MIGRATOR_PASS": PASSWORDS.migrator,
        "MRU_WORKER_PASS": PASSWORDS.worker,
        "MRU_API_PASS": PASSWORDS.api,
    }
    return Settings.read(Environment(named | variables))


def make_master(address: Address) -> str:
    """Makes an administrator like RDS' and returns its DSN: no superuser, but owner of all."""
    with contextlib.closing(psycopg2.connect(address.dsn())) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'master'")
        for database in ("postgres", "template1"):
            cursor.execute(f"ALTER DATABASE {database} OWNER TO master")
    url = make_url(address.dsn()).set(username="master", password="master")
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="module", params=[SUPERUSER, MASTER])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="mru-roles-") as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder) / "postgres", options=FAST)
        address = postgres.start()
        try:
            dsn = address.dsn() if request.param == SUPERUSER else make_master(address)
            settings = settings_of(dsn, MRU_DB_EXCLUSIVE="true")
            prepare(settings)
            dsns = dsns_of(address.dsn(), NAME, PASSWORDS)
            yield Server(settings, dsns, request.param)
        finally:
            postgres.stop()


@contextlib.contextmanager
def connected(dsn: str) -> Iterator[Any]:
    """Lends a cursor of a plain connection that commits by itself."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def end_of(dsn: str, statement: str) -> End:
    """Runs a statement, once more without the defaults where one of them ended it."""
    with connected(dsn) as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            return REFUSED
        except psycopg2.errors.ReadOnlySqlTransaction:
            cursor.execute("ROLLBACK; SET default_transaction_read_only = off")
        else:
            return ALLOWED
        try:
            cursor.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            return REFUSED
        return DEFAULT


@pytest.mark.parametrize("role", ["api", "worker", "migrator"])
def test_each_role_is_refused_what_is_not_its_business(server: Server, role: str) -> None:
    expected = rights_of(role, server.administrator)
    others = [connected(server.dsn(other)) for other in ("api", "worker")]  # to be cut off, if ever
    with others[0], others[1]:
        found = {statement: end_of(server.dsn(role), statement) for statement in expected}
    assert found == expected


@pytest.mark.parametrize("role", ["api", "worker", "migrator"])
@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_no_role_gets_into_another_database(server: Server, role: str, database: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(server.dsn(role, database))


def test_sessions_of_each_role_begin_with_its_bounds(server: Server) -> None:
    assert session_of(server.dsn("api")) == {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "30s",
        "idle_session_timeout": "15min",
        # On RDS the parameter group has to.
        "temp_file_limit": "1GB" if server.administrator == SUPERUSER else "-1",
    }
    assert session_of(server.dsn("worker")) == {
        "default_transaction_read_only": "off",
        "statement_timeout": "2h",
        "lock_timeout": "15min",
        "idle_in_transaction_session_timeout": "5min",
        "idle_session_timeout": "0",
        "temp_file_limit": "-1",
    }


def test_postgres_notices_a_workers_host_that_has_vanished_within_a_minute(server: Server) -> None:
    with connected(server.dsn("worker")) as cursor:
        cursor.execute(
            "SELECT idle + number * every, current_setting('tcp_user_timeout'),"
            " current_setting('client_connection_check_interval')"
            " FROM (SELECT current_setting('tcp_keepalives_idle')::int,"
            " current_setting('tcp_keepalives_count')::int,"
            " current_setting('tcp_keepalives_interval')::int) AS shown (idle, number, every)"
        )
        assert cursor.fetchone() == (35, "35000", "10s")  # of milliseconds


def session_of(dsn: str) -> dict[str, str]:
    names = (
        "default_transaction_read_only",
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "temp_file_limit",
    )
    with connected(dsn) as cursor:
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
        return dict(zip(names, cursor.fetchone(), strict=True))


def test_a_statement_of_the_apis_role_ends_by_itself(server: Server) -> None:
    began = time.monotonic()
    with connected(server.dsn("api")) as cursor, pytest.raises(psycopg2.errors.QueryCanceled):
        cursor.execute("SELECT pg_sleep(60)")
    assert time.monotonic() - began < STATEMENT_SECONDS + 5


def test_what_a_role_made_of_its_own_defaults_is_undone_by_the_next_release(
    server: Server,
) -> None:
    before = session_of(server.dsn("api"))
    with connected(server.dsn("api")) as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        cursor.execute("ALTER ROLE mru_api SET statement_timeout = 0")
        cursor.execute(f"ALTER ROLE mru_api IN DATABASE {NAME} SET lock_timeout = 0")
    assert session_of(server.dsn("api")) != before
    prepare(server.settings)
    assert session_of(server.dsn("api")) == before


def test_a_role_that_takes_every_connection_it_can_keeps_nobody_else_out(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        taken = take_connections(server, "api", stack)
        assert taken == 60  # six tenths of the server's hundred
        taken = take_connections(server, "worker", stack)
        assert taken == 30
        taken = take_connections(server, "migrator", stack)
        assert taken == 5
        with connected(server.dsns.admin) as cursor:
            cursor.execute("SELECT 1")


def take_connections(server: Server, role: str, stack: contextlib.ExitStack) -> int:
    """Takes connections until there are no more, 91 at the most. Returns how many there were."""
    for taken in range(91):
        try:
            stack.enter_context(connected(server.dsn(role)))
        except psycopg2.OperationalError as error:
            return taken if "too many connections for role" in str(error) else -1
    return 91


def test_on_a_server_with_other_users_nobody_loses_a_right(postgres: Address) -> None:
    # The session's server was prepared without MRU_DB_EXCLUSIVE.
    with connected(postgres.dsn()) as cursor:
        cursor.execute("SELECT has_database_privilege('public', 'postgres', 'CONNECT')")
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MRU_API_CONNECTIONS", "4"),
        ("MRU_WORKER_CONNECTIONS", "many"),
        ("MRU_DB_EXCLUSIVE", "maybe"),
    ],
)
def test_a_bound_that_is_none_is_refused_by_its_name(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        Bounds.read(Environment({variable: value}))
