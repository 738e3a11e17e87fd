"""Preparing a database on a server that logs every statement: no password reaches its log."""

import contextlib
import dataclasses
import re
import secrets
import string
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2
import pytest

from local.postgres import Postgres
from schemas.settings import Environment
from tests.databases import FAST
from worker.prepare import Settings, prepare
from worker.roles import API, MIGRATOR, WORKER, Passwords, ensure_roles

EVERYTHING = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_min_error_statement": "debug5",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_connections": "on",
}
NAME = "movies"
CHANGE = re.compile(r"statement: (?:CREATE|ALTER) ROLE \S+ .*PASSWORD '([^']*)'")
VERIFIER = re.compile(r"SCRAM-SHA-256\$4096:[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=:]{89}")


def word() -> str:
    """A random word of 40 letters, which stands in a log as it is or not at all."""
    return "".join(secrets.choice(string.ascii_letters) for _ in range(40))


@dataclasses.dataclass
class Server:
    """A server of the test's own. `passwords` are all that it was ever given."""

    postgres: Postgres
    passwords: set[str]

    def connect(self, role: str, password: str, database: str = NAME) -> Any:
        self.passwords.add(password)
        return psycopg2.connect(
            host="127.0.0.1",
            port=self.postgres.port,
            user=role,
            password=password,
            dbname=database,
        )

    def prepare(self, passwords: Passwords) -> list[str]:
        """Prepares it. Returns what the log then has more of: passwords, as statements set them."""
        self.passwords.update(vars(passwords).values())
        before = len(self.log())
        administrator = self.postgres.address
        self.passwords.add(administrator.password)
        told = {
            "MRU_DB_HOST": "127.0.0.1",
            "MRU_DB_PORT": str(administrator.port),
            "MRU_DB_USER": "postgres",
            "MRU_DB_PASS": administrator.password,
            "MRU_DB_NAME": NAME,
            "MRU_MIGRATOR_PASS": passwords.migrator,
            "MRU_WORKER_PASS": passwords.worker,
            "MRU_API_PASS": passwords.api,
        }
        prepare(Settings.read(Environment(told)))
        return CHANGE.findall(self.log()[before:])

    def log(self) -> str:
        return (self.postgres.home / "server.log").read_text()

    def check_the_log(self) -> None:
        """Fails where a password stands in the log, or no statement at all does."""
        log = self.log()
        assert "duration: " in log
        assert "CREATE TABLE movies" in log
        found = {password for password in self.passwords if password in log}
        assert found == set()


@pytest.fixture
def server() -> Iterator[Server]:
    with TemporaryDirectory(prefix="mru-tests-") as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder) / "postgres", options=FAST | EVERYTHING)
        postgres.start()
        try:
            yield Server(postgres, set())
        finally:
            postgres.stop()


def test_no_password_reaches_the_servers_log_and_only_what_changed_is_sent(server: Server) -> None:
    first = Passwords(migrator=word(), worker=word(), api=word())
    made = server.prepare(first)
    assert len(made) == 3
    assert all(VERIFIER.fullmatch(verifier) for verifier in made)
    assert server.prepare(first) == []
    changed = dataclasses.replace(first, worker=word())
    (verifier,) = server.prepare(changed)
    assert VERIFIER.fullmatch(verifier)
    for role, password in ((MIGRATOR, first.migrator), (WORKER, changed.worker), (API, first.api)):
        server.connect(role, password).close()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        server.connect(WORKER, first.worker)
    server.check_the_log()


def test_a_change_that_fails_logs_the_verifier_alone(server: Server) -> None:
    server.prepare(Passwords(migrator=word(), worker=word(), api=word()))
    with contextlib.closing(psycopg2.connect(server.postgres.address.dsn())) as connection:
        connection.autocommit = True
        # With CREATEROLE, and none of the three roles is its own.
        connection.cursor().execute("CREATE ROLE stranger LOGIN CREATEROLE PASSWORD 'stranger'")
    others = Passwords(migrator=word(), worker=word(), api=word())
    server.passwords.update(vars(others).values())
    with contextlib.closing(server.connect("stranger", "stranger", "postgres")) as connection:
        connection.autocommit = True
        with pytest.raises(psycopg2.errors.InsufficientPrivilege) as caught:
            ensure_roles(connection, others, NAME)
    server.passwords.remove("stranger")
    failed = re.findall(r"STATEMENT:  ALTER ROLE .*PASSWORD '([^']*)'", server.log())
    assert [bool(VERIFIER.fullmatch(verifier)) for verifier in failed] == [True]
    assert others.migrator not in str(caught.value)
    server.check_the_log()


@pytest.mark.parametrize(
    "password", ["ünïcode ½ ﬁ 日本 'quoted\" \\", "x" * 1_000, "a\N{NO-BREAK SPACE}b"]
)
def test_any_password_that_can_be_typed_lets_its_role_in(server: Server, password: str) -> None:
    passwords = Passwords(migrator=word(), worker=word(), api=password)
    server.prepare(passwords)
    server.connect(API, password).close()
    assert server.prepare(passwords) == []
    server.check_the_log()


def test_a_password_of_md5_is_replaced_where_the_server_asks_for_scram(server: Server) -> None:
    passwords = Passwords(migrator=word(), worker=word(), api=word())
    server.prepare(passwords)
    with contextlib.closing(psycopg2.connect(server.postgres.address.dsn())) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        digest = psycopg2.extensions.encrypt_password(
            passwords.api, API, scope=connection, algorithm="md5"
        )
        cursor.execute(f"ALTER ROLE {API} PASSWORD '{digest}'")
    assert len(server.prepare(passwords)) == 1
    server.connect(API, passwords.api).close()


def test_a_server_that_asks_for_no_password_is_given_each_anew(server: Server) -> None:
    """A login that succeeds without a password shows nothing about the password."""
    passwords = Passwords(migrator=word(), worker=word(), api=word())
    server.prepare(passwords)
    rules = server.postgres.home / "data" / "pg_hba.conf"
    rules.write_text("host all postgres all scram-sha-256\nhost all all all trust\n")
    with contextlib.closing(psycopg2.connect(server.postgres.address.dsn())) as connection:
        connection.cursor().execute("SELECT pg_reload_conf()")
    changed = dataclasses.replace(passwords, api=word())
    assert len(server.prepare(changed)) == 3
    server.check_the_log()


def test_a_role_that_may_not_enter_the_administrators_database_is_tried_on_its_own(
    server: Server,
) -> None:
    passwords = Passwords(migrator=word(), worker=word(), api=word())
    server.prepare(passwords)
    with contextlib.closing(psycopg2.connect(server.postgres.address.dsn())) as connection:
        connection.autocommit = True
        connection.cursor().execute("REVOKE ALL ON DATABASE postgres FROM PUBLIC")
    assert server.prepare(passwords) == []
