"""The three roles of the database: who owns the tables, who writes rows, who only reads.

Made by an administrator (RDS' master user, the local stack's superuser) before the migrations run.
"""

import dataclasses
from typing import Any, Final

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

MIGRATOR: Final = "mru_migrator"  # owns the database; the only one that may change the schema
WORKER: Final = "mru_worker"
API: Final = "mru_api"


@dataclasses.dataclass(frozen=True)
class Passwords:
    """The passwords that the roles shall have."""

    migrator: str = dataclasses.field(repr=False)
    worker: str = dataclasses.field(repr=False)
    api: str = dataclasses.field(repr=False)


def ensure_roles(connection: Any, passwords: Passwords, database: str | None = None) -> None:
    """Makes the roles that are missing, and sets the passwords that are not right yet.

    `connection` is an administrator's psycopg2 connection, in autocommit. Roles try their passwords
    on `database`, if it exists, and else on the connection's own.

    A server may log any statement. So none has a password in it, only the verifier that Postgres
    stores, which the client computes; and where nothing changes, not even that.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname = %s", (database,))
        (place,) = cursor.fetchone() or (connection.info.dbname,)
        for role, password in (
            (MIGRATOR, passwords.migrator),
            (WORKER, passwords.worker),
            (API, passwords.api),
        ):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            if verb == "ALTER" and _lets_in(connection, place, role, password):
                continue
            verifier = encrypt_password(password, role, scope=connection, algorithm="scram-sha-256")
            cursor.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(role), sql.Literal(verifier)
                )
            )


def _lets_in(connection: Any, database: str, role: str, password: str) -> bool:
    """Whether a role can log in with a password, on the server of an administrator's connection.

    RDS' administrator may not read what is stored, so it is tried. A login that fails for another
    reason than its password counts as a no: psycopg2 does not pass on the reason's code, and to set
    the same password again does no harm. Nor does a server count that asked for no password.
    """
    try:
        own = psycopg2.connect(
            **connection.info.dsn_parameters
            | {"dbname": database, "user": role, "password": password}
        )
    except psycopg2.OperationalError:
        return False
    try:
        return bool(own.info.used_password)
    finally:
        own.close()


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
