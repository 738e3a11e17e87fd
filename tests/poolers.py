"""pgbouncer before a Postgres, as some put it there: its program has to be installed apart."""

import contextlib
import dataclasses
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg2
from sqlalchemy import make_url

from local.database import Dsns
from tests.rig import wait_until

PROGRAM: Final = shutil.which("pgbouncer", path=os.pathsep.join([os.defpath, "/usr/sbin"]))
MISSING: Final = "pgbouncer is not installed: apt-get install pgbouncer"

# No more connections to Postgres than this for each role, so that clients have to share them.
SHARED: Final = 2


# The name under which pgbouncer has the same database in session mode.
SESSIONS: Final = "in_sessions"


@contextlib.contextmanager
def pooled(dsns: Dsns) -> Iterator[Dsns]:
    """Yields ways through pgbouncer: in transaction mode, and the worker's in session mode."""
    port = _free_port()

    def through(dsn: str, **changes: str) -> str:
        url = make_url(dsn).set(port=port, **changes)
        return url.render_as_string(hide_password=False)

    ways = dataclasses.replace(
        dsns, api=through(dsns.api), worker=through(dsns.worker, database=SESSIONS)
    )
    with tempfile.TemporaryDirectory(prefix="mru-pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        command = [PROGRAM or MISSING, "--quiet", str(_configure(folder, dsns, port))]
        if os.geteuid() == 0:  # which pgbouncer refuses
            command += ["--user", "nobody"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                wait_until("pgbouncer answers", lambda: _answers(ways.api))
                yield ways
            finally:
                process.terminate()
                process.wait()


def _configure(folder: Path, dsns: Dsns, port: int) -> Path:
    database = make_url(dsns.admin)
    roles = [make_url(dsn) for dsn in (dsns.worker, dsns.api)]
    users = folder / "users.txt"
    users.write_text("".join(f'"{role.username}" "{role.password}"\n' for role in roles))
    server = f"host={database.host} port={database.port} dbname={database.database}"
    file = folder / "pgbouncer.ini"
    file.write_text(f"""
[databases]
{database.database} = {server} pool_size={SHARED}
{SESSIONS} = {server} pool_mode=session
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
""")
    return file


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(dsn: str) -> bool:
    try:
        psycopg2.connect(dsn, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True
