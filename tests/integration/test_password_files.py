"""A password that is kept in a file, and replaced there while the API and the worker run."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from api.database import Database as ApiDatabase
from local.database import Dsns, environment_of
from local.postgres import Address
from schemas.settings import DatabaseSettings, Environment, SecretFile
from worker.database import Database as WorkerDatabase


@pytest.fixture
def reader(postgres: Address, database: Dsns, tmp_path: Path) -> Iterator[DatabaseSettings]:
    """The way in for a role of the test's own, whose password is in a file."""
    role, file = f"reader_{uuid.uuid4().hex[:8]}", tmp_path / "password"
    file.write_text("first\n")
    told = environment_of(database.admin)
    execute(postgres, f"CREATE ROLE {role} LOGIN PASSWORD 'first' IN ROLE mru_api")
    yield DatabaseSettings.read(
        Environment(
            {name: value for name, value in told.items() if name != "MRU_DB_PASS"}
            | {"MRU_DB_USER": role, "MRU_DB_PASS_FILE": str(file)}
        )
    )
    execute(postgres, f"DROP ROLE {role}")


def execute(postgres: Address, *statements: str) -> None:
    with contextlib.closing(psycopg2.connect(postgres.dsn())) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)


def ask_as_the_api(settings: DatabaseSettings) -> tuple[Callable[[], Any], Callable[[], None]]:
    database = ApiDatabase(settings)
    return lambda: database.ask(who), database.close


def ask_as_the_worker(settings: DatabaseSettings) -> tuple[Callable[[], Any], Callable[[], None]]:
    database = WorkerDatabase.at(settings)

    def ask() -> Any:
        with database.connect() as connection:
            return who(connection)

    return ask, database.engine.dispose


def who(connection: sa.Connection) -> Any:
    return connection.execute(sa.text("SELECT current_user")).scalar_one()


@pytest.mark.parametrize("make", [ask_as_the_api, ask_as_the_worker])
def test_a_password_file_that_is_replaced_needs_no_restart(
    postgres: Address,
    reader: DatabaseSettings,
    make: Callable[[DatabaseSettings], tuple[Callable[[], Any], Callable[[], None]]],
) -> None:
    ask, close = make(reader)
    assert isinstance(reader.password_file, SecretFile)
    try:
        file = reader.password_file.path
        file.unlink()
        assert ask() == reader.user  # with the password of the start
        execute(postgres, f"ALTER ROLE {reader.user} PASSWORD 'second'")
        file.write_text("second\n")
        ended = f"pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{reader.user}'"
        execute(postgres, f"SELECT {ended}")
        assert ask() == reader.user
    finally:
        close()
