"""The database prepared as on RDS: by an administrator who is no superuser, and more than once."""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from local.postgres import Address
from schemas.settings import DatabaseSettings, Environment
from worker.prepare import Settings, prepare


@pytest.fixture
def administrator(postgres: Address) -> Iterator[str]:
    """The name of a role with the rights of RDS' master user; its password is its name."""
    name = f"admin_{uuid.uuid4().hex[:8]}"
    with contextlib.closing(psycopg2.connect(postgres.dsn())) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD '{name}'")
        # Roles that another administrator made are not this one's; on RDS there is only one.
        for role in ("mru_migrator", "mru_worker", "mru_api"):
            cursor.execute(f"GRANT {role} TO {name} WITH ADMIN OPTION")
        yield name


def settings_of(postgres: Address, administrator: str, name: str) -> Settings:
    address = psycopg2.extensions.parse_dsn(postgres.dsn())
    return Settings.read(
        Environment(
            {
                "MRU_DB_HOST": address["host"],
                "MRU_DB_PORT": address["port"],
                "MRU_DB_USER": administrator,
                "MRU_DB_PASS": administrator,
                "MRU_DB_NAME": name,
                # As tests/databases.py has them: the server is shared by the session's tests.
                "MRU_MIGRATOR_PASS": "m",
                "MRU_WORKER_PASS": "w",
                "MRU_API_PASS": "a",
            }
        )
    )


def test_an_administrator_who_is_no_superuser_can_prepare_it_twice(
    postgres: Address, administrator: str
) -> None:
    name = f"prepared_{uuid.uuid4().hex[:8]}"
    settings = settings_of(postgres, administrator, name)
    prepare(settings)
    prepare(settings)
    for role, password in (("mru_api", "a"), ("mru_worker", "w")):
        way = dataclasses.replace(settings.migrator, user=role, password=password)
        with contextlib.closing(connect(way)) as connection:
            connection.set_session(readonly=False)
            cursor = connection.cursor()
            cursor.execute("SELECT count(*) FROM movies")
            assert cursor.fetchone() == (0,)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("CREATE TABLE mine (id int)")
    with contextlib.closing(psycopg2.connect(postgres.dsn())) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")


def connect(way: DatabaseSettings) -> Any:
    return psycopg2.connect(
        host=way.host, port=way.port, user=way.user, password=way.password, dbname=way.name
    )
