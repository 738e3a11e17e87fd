"""What Postgres itself allows the three roles beside tables: connections, waits, functions.

A role cannot raise its connection limit or take back a right. It can change the time-outs of its
sessions, which are defaults: they end accidents, and docs/architecture.md says what else holds.
"""

import dataclasses
from typing import Any, Final, Self

import psycopg2
import structlog
from psycopg2 import sql

from schemas.settings import Environment
from worker.roles import API, MIGRATOR, WORKER

# What the API needs for its searches is set here and not by its connections: a pooler such as
# pgbouncer or RDS Proxy rejects or ignores start-up options.
# Any page of memory is as near as any other; a compiled plan comes too late for a search of some
# milliseconds, as do helpers, for whom a statement that is over its time also waits before it ends
# (which Postgres then reports to the next one: see api.database.SpoiledConnectionError); and the
# places of millions of movies have to fit into a list.
_API_SESSIONS: Final = {
    "default_transaction_read_only": "on",
    "statement_timeout": "3s",  # api.database.STATEMENT_SECONDS: a test holds them together
    # Whatever locks a table for longer is no moment's work: the API then rejects searches at once.
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "30s",
    # The API replaces a connection older than ten minutes, so it never meets one that ended thus.
    "idle_session_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "work_mem": "32MB",
}
# No idle_session_timeout: the ledger's connection holds an import's lock and may be idle for long.
_WORKER_SESSIONS: Final = {
    "statement_timeout": "2h",  # the task's own limit, MRU_TASK_SECONDS, comes first by default
    "lock_timeout": "15min",  # the last resort: every wait of the worker's own is shorter
    "idle_in_transaction_session_timeout": "5min",  # likewise: see worker/presence.py
    # A worker whose host has vanished holds its locks until Postgres notices. By default that takes
    # two hours, and for as long as a statement runs it is not looked for at all.
    "tcp_keepalives_idle": "20s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "35s",
    "client_connection_check_interval": "10s",
}
# Only a superuser may set this, or who was granted it; and so a role cannot change it.
_TEMP_FILES: Final = "temp_file_limit"
_API_TEMP_FILES: Final = "1GB"

_MIGRATOR_CONNECTIONS: Final = 5
# Of a server's connections, in tenths: what is left is for the migrator and for administrators.
_API_TENTHS: Final = 6
_WORKER_TENTHS: Final = 3

_ABLE: Final = "SELECT current_setting('max_connections')::int, has_parameter_privilege(%s, 'SET')"
_ROLE: Final = "SELECT rolconnlimit, coalesce(rolconfig, '{}') FROM pg_roles WHERE rolname = %s"
_OVERRIDES: Final = """
SELECT datname, split_part(setting, '=', 1)
FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase,
    unnest(setconfig) AS setting
WHERE setrole = %s::regrole AND split_part(setting, '=', 1) = ANY (%s)
"""
_WITHHELD: Final = r"""
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')
    AND (proname ~ '^lo_(creat|create|from_bytea|open|put|truncate|truncate64)$'
        OR proname IN ('lowrite') OR proname ~ '^pg_(try_)?advisory_')
"""
_OPEN_DATABASES: Final = """
SELECT datname, pg_has_role(datdba, 'USAGE') FROM pg_database
WHERE datname IN ('postgres', 'template1') AND has_database_privilege('public', oid, 'CONNECT')
"""

log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many connections two roles may have, and whether the server is there for them alone.

    The defaults are the chart's: 13 pods of the API, one of them a release's surge, with ten
    connections each; 31 of the worker with two, and operators' commands.
    """

    api_connections: int = 130
    worker_connections: int = 100
    exclusive: bool = False

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads MRU_API_CONNECTIONS, MRU_WORKER_CONNECTIONS, MRU_DB_EXCLUSIVE."""
        whole = environment.integer
        return cls(
            api_connections=whole(
                "MRU_API_CONNECTIONS", cls.api_connections, minimum=5, maximum=10_000
            ),
            worker_connections=whole(
                "MRU_WORKER_CONNECTIONS", cls.worker_connections, minimum=4, maximum=10_000
            ),
            exclusive=environment.boolean("MRU_DB_EXCLUSIVE", default=cls.exclusive),
        )


def bound_roles(connection: Any, database: str, bounds: Bounds) -> None:
    """Bounds the three roles. `connection` is an administrator's, in autocommit; a repeat is free.

    An administrator who is no superuser, such as RDS', cannot withhold functions of Postgres' own.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ABLE, (_TEMP_FILES,))
        most, may_bound_files = cursor.fetchone()
        api = _API_SESSIONS | ({_TEMP_FILES: _API_TEMP_FILES} if may_bound_files else {})
        _limit(cursor, API, min(bounds.api_connections, most * _API_TENTHS // 10))
        _limit(cursor, WORKER, min(bounds.worker_connections, most * _WORKER_TENTHS // 10))
        _limit(cursor, MIGRATOR, _MIGRATOR_CONNECTIONS)
        _set(cursor, API, api)
        _set(cursor, WORKER, _WORKER_SESSIONS)
        if bounds.exclusive:
            _close_other_databases(cursor)
        cursor.execute("SELECT current_setting('is_superuser')::bool")
        (superuser,) = cursor.fetchone()
    if superuser:
        _withhold_functions(connection, database)


def _limit(cursor: Any, role: str, connections: int) -> None:
    cursor.execute(_ROLE, (role,))
    if cursor.fetchone()[0] != connections:
        cursor.execute(
            sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(
                sql.Identifier(role), sql.Literal(connections)
            )
        )


def _set(cursor: Any, role: str, settings: dict[str, str]) -> None:
    """Sets the defaults of a role's sessions, and undoes what the role may have made of them."""
    cursor.execute(_ROLE, (role,))
    present = cursor.fetchone()[1]
    for name, value in settings.items():
        if f"{name}={value}" not in present:
            cursor.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
                )
            )
    cursor.execute(_OVERRIDES, (role, list(settings)))
    for database, name in cursor.fetchall():
        cursor.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} RESET {}").format(
                sql.Identifier(role), sql.Identifier(database), sql.Identifier(name)
            )
        )


def _close_other_databases(cursor: Any) -> None:
    """Takes from everybody what everybody has in the databases that each server comes with.

    Their owner and superusers still get in; anybody else needs a right of their own from then on.
    """
    cursor.execute(_OPEN_DATABASES)
    for name, owned in cursor.fetchall():
        if owned:
            cursor.execute(
                sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(
                    sql.Identifier(name)
                )
            )
        else:
            log.warning("database stays open to every role", database=name, reason="not its owner")


def _withhold_functions(connection: Any, database: str) -> None:
    """Leaves large objects to superusers, and advisory locks to those who need them."""
    own = psycopg2.connect(
        **connection.info.dsn_parameters
        | {"dbname": database, "password": connection.info.password}
    )
    try:
        with own, own.cursor() as cursor:  # a transaction
            cursor.execute(_WITHHELD)
            for (function,) in cursor.fetchall():
                if "advisory" in function:
                    cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {WORKER}, {MIGRATOR}")
                cursor.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    finally:
        own.close()
