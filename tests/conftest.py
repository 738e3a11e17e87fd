"""What many tests need: one real Postgres a session, and a database of its own for each test."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from local.database import Dsns, dsns_of, prepare_database
from local.postgres import Address, Postgres
from worker.roles import Passwords, ensure_database

PASSWORDS = Passwords(migrator="m", worker="w", api="a")

# What a test writes need not outlive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Address]:
    """A server with a migrated database `template`, from which the tests' databases are copied."""
    with tempfile.TemporaryDirectory(prefix="mru-tests-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "postgres", options=FAST | {"max_connections": "200"})
        address = server.start()
        try:
            prepare_database(address.dsn(), "template", PASSWORDS)
            yield address
        finally:
            server.stop()


@pytest.fixture
def database(postgres: Address) -> Iterator[Dsns]:
    """A fresh, migrated database, and a way in for each role."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(postgres.dsn())
    admin.autocommit = True
    try:
        with admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template OWNER mru_migrator")
            ensure_database(admin, name)
            yield dsns_of(postgres.dsn(), name, PASSWORDS)
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        admin.close()
