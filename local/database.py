"""Makes a database of a Postgres: the three roles, the database itself, and every migration."""

import dataclasses
from typing import Any

import psycopg2
from sqlalchemy import make_url

from worker.bounds import Bounds, bound_roles
from worker.migrate import migrate
from worker.roles import API, MIGRATOR, WORKER, Passwords, ensure_database, ensure_roles


@dataclasses.dataclass(frozen=True)
class Dsns:
    """One URL of the same database for each of those who go there."""

    admin: str = dataclasses.field(repr=False)
    migrator: str = dataclasses.field(repr=False)
    worker: str = dataclasses.field(repr=False)
    api: str = dataclasses.field(repr=False)


def prepare_database(
    admin_dsn: str, name: str, passwords: Passwords, bounds: Bounds | None = None
) -> Dsns:
    """Makes what is missing and returns the ways in. `admin_dsn` may name any database there."""
    connection = psycopg2.connect(admin_dsn)
    connection.autocommit = True
    try:
        ensure_roles(connection, passwords, name)
        ensure_database(connection, name)
        bound_roles(connection, name, bounds or Bounds())
    finally:
        connection.close()
    dsns = dsns_of(admin_dsn, name, passwords)
    migrate(dsns.migrator)
    return dsns


def dsns_of(admin_dsn: str, name: str, passwords: Passwords) -> Dsns:
    """Returns the URLs of a database on the administrator's server."""
    url = make_url(admin_dsn).set(database=name)

    def of(role: str, password: str) -> str:
        return url.set(username=role, password=password).render_as_string(hide_password=False)

    return Dsns(
        admin=url.render_as_string(hide_password=False),
        migrator=of(MIGRATOR, passwords.migrator),
        worker=of(WORKER, passwords.worker),
        api=of(API, passwords.api),
    )


def environment_of(dsn: str) -> dict[str, str]:
    """Returns the MRU_DB_* variables that lead to a database."""
    url: Any = make_url(dsn)
    return {
        "MRU_DB_HOST": url.host,
        "MRU_DB_PORT": str(url.port or 5432),
        "MRU_DB_USER": url.username,
        "MRU_DB_PASS": url.password or "",
        "MRU_DB_NAME": url.database,
    }
