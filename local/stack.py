"""The stack: in which order its processes start, and what has to be made in between."""

import dataclasses
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from local import cloud, web
from local.addresses import Addresses
from local.archive import pack_room
from local.cloud import Cloud, CloudSettings
from local.console import Output
from local.database import Dsns, environment_of, prepare_database
from local.folder import postgres_folder
from local.ports import HOST, check_free, listen, port_of
from local.postgres import Postgres
from local.processes import Supervisor
from local.rooms import Rooms
from local.settings import ROOT, StackSettings
from schemas.metrics_server import PATH
from schemas.notification import IMPORT_QUEUE
from worker.bounds import Bounds
from worker.roles import Passwords

_ANY_PORT: Final = 0
_SECRET_BYTES: Final = 32
_QUIET_POSTGRES: Final = {"log_min_messages": "fatal", "log_line_prefix": ""}

Note = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Stack:
    """Starts everything under a supervisor, which stops it again."""

    settings: StackSettings
    supervisor: Supervisor
    output: Output
    rooms: Rooms

    @classmethod
    def of(
        cls,
        settings: StackSettings,
        supervisor: Supervisor,
        output: Output,
        environ: Mapping[str, str],
    ) -> "Stack":
        """Makes a stack that lives in the settings' folder."""
        rooms = Rooms(
            settings=settings,
            environ=environ,
            secret_file=settings.folder / "notification-secret",
            heartbeat_file=settings.folder / "worker-heartbeat",
        )
        return cls(settings, supervisor, output, rooms)

    def start(self, note: Note) -> Addresses:
        """Starts everything and waits until it is ready; `note` is told of each step.

        Raises PortBusyError, ProcessError, StopRequested, and whatever the services answer.
        """
        settings = self.settings
        api_socket = listen(settings.api_port, "MRU_LOCAL_API_PORT")
        aws_socket = listen(settings.aws_port, "MRU_LOCAL_AWS_PORT")
        api_url, aws_url = _url(api_socket), _url(aws_socket)
        keep_secret(self.rooms.secret_file)
        self._start_aws(aws_socket)
        note("Preparing the database")
        dsns = self._prepare_database()
        note("Preparing the bucket, the queues and the function")
        made = self._prepare_cloud(aws_url, api_url)
        note("Starting the API and the worker")
        api_metrics, worker_metrics = self._start_rooms(api_socket, aws_url, made, dsns)
        self.supervisor.wait_until("api", lambda: web.answers(f"{api_url}/health/ready"))
        self.supervisor.wait_until("worker", self.rooms.heartbeat_file.exists)
        return Addresses(
            api=api_url,
            api_metrics=api_metrics,
            worker_metrics=worker_metrics,
            aws=aws_url,
            database=dsns.admin,
            bucket=settings.bucket,
            region=settings.region,
            queue=made.queue_url,
            dead_queue=made.dead_queue_url,
            secret_file=self.rooms.secret_file,
        )

    def _start_aws(self, listener: socket.socket) -> None:
        function_log = self.output.open("notifier")
        self.supervisor.start(self.rooms.aws(listener.fileno(), function_log))
        os.close(function_log)
        listener.close()

    def _prepare_database(self) -> Dsns:
        administrator = self._start_postgres() if self.settings.server is None else self._server()
        words = [
            keep_secret(self.settings.folder / f"{role}-password")
            for role in ("migrator", "worker", "api")
        ]
        bounds = Bounds(exclusive=self.settings.server is None)
        return prepare_database(administrator, self.settings.database, Passwords(*words), bounds)

    def _start_postgres(self) -> str:
        port = self.settings.postgres_port
        check_free(port, "MRU_LOCAL_POSTGRES_PORT")
        server = Postgres(postgres_folder(self.settings.folder), port=port, options=_QUIET_POSTGRES)
        server.prepare()
        process = self.supervisor.start(self.rooms.postgres(server))
        self.supervisor.wait_until("postgres", lambda: _is_ready(server, process))
        return server.address.dsn()

    def _server(self) -> str:
        server = self.settings.server
        if server is None:
            raise ValueError("There is no server of somebody else's.")
        url = URL.create(
            "postgresql",
            username=server.user,
            password=server.password,
            host=server.host,
            port=server.port,
            database="postgres",
        )
        return url.render_as_string(hide_password=False)

    def _prepare_cloud(self, aws_url: str, api_url: str) -> Cloud:
        self.supervisor.wait_until("aws", lambda: web.answers(f"{aws_url}/moto-api/"))
        settings = self.settings
        return cloud.prepare_cloud(
            CloudSettings(
                endpoint=aws_url,
                region=settings.region,
                bucket=settings.bucket,
                queue=IMPORT_QUEUE,
                max_receives=settings.max_receives,
                visibility_seconds=settings.visibility_seconds,
                archive=pack_room(ROOT / "notifier"),
                function_environment={
                    "MRU_API_URL": api_url,
                    "MRU_NOTIFICATION_SECRET_FILE": str(self.rooms.secret_file),
                },
            )
        )

    def _start_rooms(
        self, listener: socket.socket, aws_url: str, made: Cloud, dsns: Dsns
    ) -> tuple[str, str]:
        """Starts API and worker; returns where their metrics are."""

        def told(dsn: str) -> dict[str, str]:
            return self.rooms.environment(aws_url, made.queue_url, environment_of(dsn))

        # On any port: what scrapes them reads where they are.
        with listen(_ANY_PORT, "") as of_api, listen(_ANY_PORT, "") as of_worker, listener:
            api = self.rooms.api(listener.fileno(), of_api.fileno(), told(dsns.api))
            self.supervisor.start(api)
            self.rooms.heartbeat_file.unlink(missing_ok=True)
            self.supervisor.start(self.rooms.worker(told(dsns.worker), of_worker.fileno()))
            return _url(of_api) + PATH, _url(of_worker) + PATH


def keep_secret(path: Path) -> str:
    """Returns the word in a file; where there is none, makes one, for the owner's eyes only."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(_SECRET_BYTES) + "\n")
    return path.read_text().strip()


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{port_of(listener)}"


def _is_ready(server: Postgres, process: int) -> bool:
    """Whether the server says so in the file that it keeps (postmaster.pid, as pg_ctl does).

    Asking it by connecting would leave a FATAL line in the log for each try that comes too early.
    """
    try:
        lines = (server.home / "data" / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return lines[0] == str(process) and [line.strip() for line in lines[7:8]] == ["ready"]
