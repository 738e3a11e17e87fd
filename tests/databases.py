"""Databases for tests: each a copy of a migrated template, gone when the test is."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg2

from local.database import Dsns, dsns_of, prepare_database
from local.postgres import Address
from worker.roles import Passwords, ensure_database

PASSWORDS: Final = Passwords(migrator="m", worker="w", api="a")

# What a test writes need not outlive a power cut.
FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def make_template(address: Address) -> None:
    """Makes the three roles, and the database that the others are copies of."""
    prepare_database(address.dsn(), "template", PASSWORDS)


@contextmanager
def make_database(address: Address) -> Iterator[Dsns]:
    """Yields a way in for each role to a fresh, migrated database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(address.dsn())
    admin.autocommit = True
    try:
        with admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template OWNER mru_migrator")
            ensure_database(admin, name)
            yield dsns_of(address.dsn(), name, PASSWORDS)
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        admin.close()
