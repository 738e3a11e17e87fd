"""The benchmarks' Postgres: with the settings that the reports list, in a folder of its own."""

import os
from pathlib import Path
from typing import Any, Final

import psycopg2

from local.folder import postgres_folder
from local.postgres import Postgres
from local.processes import Supervisor
from local.rooms import postgres_command
from worker.roles import Passwords

_MEMORY: Final = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20  # in MB
SETTINGS: Final = {
    "shared_buffers": f"{_MEMORY // 4}MB",  # a quarter, as RDS gives it
    "max_wal_size": "8GB",
    "maintenance_work_mem": "256MB",
    "checkpoint_timeout": "30min",
    "fsync": "on",
}
PASSWORDS: Final = Passwords(migrator="migrator", worker="worker", api="api")  # on loopback only
_QUIET: Final = {"log_min_messages": "fatal", "log_line_prefix": ""}


def start_postgres(supervisor: Supervisor, folder: Path) -> str:
    """Starts it on what is in the folder, if anything, and returns the superuser's DSN."""
    server = Postgres(postgres_folder(folder), options=SETTINGS | _QUIET)
    server.prepare()
    supervisor.start(postgres_command(server, environment={}))
    dsn = server.address.dsn()
    supervisor.wait_until("postgres", lambda: _answers(dsn))
    return dsn


def connect(dsn: str) -> Any:
    """Returns a connection whose statements commit by themselves."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    return connection


def _answers(dsn: str) -> bool:
    try:
        connect(dsn).close()
    except psycopg2.OperationalError:
        return False
    return True
