"""The three roles of the database: who owns the tables, who writes rows, who only reads.

Made by an administrator (RDS' master user, the local stack's superuser) before the migrations run.
"""

import dataclasses
from typing import Any, Final

from psycopg2 import sql

MIGRATOR: Final = "mru_migrator"  # owns the database; the only one that may change the schema
WORKER: Final = "mru_worker"
API: Final = "mru_api"


@dataclasses.dataclass(frozen=True)
class Passwords:
    """The passwords that the roles shall have."""

    migrator: str = dataclasses.field(repr=False)
    worker: str = dataclasses.field(repr=False)
    api: str = dataclasses.field(repr=False)


def ensure_roles(connection: Any, passwords: Passwords) -> None:
    """Makes the roles that are missing and gives all three their passwords.

    `connection` is an administrator's psycopg2 connection, in autocommit.
    """
    with connection.cursor() as cursor:
        for role, password in (
            (MIGRATOR, passwords.migrator),
            (WORKER, passwords.worker),
            (API, passwords.api),
        ):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            cursor.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(role), sql.Literal(password)
                )
            )


def ensure_database(connection: Any, name: str) -> None:
    """Makes the database, owned by the migrator, unless it is there; lets the other two in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        database = sql.Identifier(name)
        migrator = sql.Identifier(MIGRATOR)
        if not cursor.fetchone():
            # An administrator who is no superuser may only hand over to a role that it belongs to.
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(migrator))
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, migrator))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        # The worker stages what it reads in a temporary table.
        cursor.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(
                database, sql.Identifier(WORKER)
            )
        )
        cursor.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(API))
        )
