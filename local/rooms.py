"""What each process of the stack is: its command, and what of the world it is told.

None sees the caller's own environment but for a few harmless names and the MRU_ settings: nothing
here may ever lead to a real account.
"""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local import cloud
from local.postgres import Postgres
from local.processes import Command
from local.settings import ROOT, StackSettings, overrule
from schemas.metrics import SETTING as METRICS_SETTING

API_WORKERS: Final = 2
WORKER_PROCESSES: Final = 2

_PASSED_ON: Final = frozenset(
    {"PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"}
)
_OURS: Final = "MRU_"
_THE_STACKS_OWN: Final = "MRU_LOCAL_"
_WORKER_GRACE_SECONDS: Final = 30  # it finishes the import at hand
_POSTGRES_GRACE_SECONDS: Final = 30
_ABOVE_SERVICES: Final = 1  # stopped before Postgres and SQS are
_SIGINT: Final = 2  # Postgres' "fast shutdown": it does not wait for its clients


def postgres_command(server: Postgres, *, environment: Mapping[str, str]) -> Command:
    """Returns the command of a server that `prepare` has made."""
    return Command(
        name="postgres",
        argv=tuple(server.command()),
        environment=environment,
        folder=server.home,
        user=server.user,
        stop_signal=_SIGINT,
        grace_seconds=_POSTGRES_GRACE_SECONDS,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rooms:
    """Makes the commands. `environ` is the caller's environment."""

    settings: StackSettings
    environ: Mapping[str, str] = dataclasses.field(repr=False)
    secret_file: Path
    heartbeat_file: Path

    def postgres(self, server: Postgres) -> Command:
        """A server that `prepare` has made."""
        return postgres_command(server, environment=self._harmless())

    def aws(self, listener: int, function_log: int) -> Command:
        """The emulator, on a socket; functions print to the second file descriptor."""
        options = ("--fd", str(listener), "--function-log", str(function_log))
        command = self._python("aws", "local.aws", *options, environment=self._harmless())
        return dataclasses.replace(command, inherit=(listener, function_log))

    def api(self, listener: int, metrics: int, environment: Mapping[str, str]) -> Command:
        """The API, on a socket, and its metrics on another."""
        options = ("--bind", f"fd://{listener}", "--workers", str(API_WORKERS))
        quiet = ("--log-level", "warning")
        command = self._python(
            "api",
            "api",
            *options,
            *quiet,
            environment={**environment, METRICS_SETTING: f"fd://{metrics}"},
        )
        return dataclasses.replace(command, inherit=(listener, metrics), layer=_ABOVE_SERVICES)

    def worker(self, environment: Mapping[str, str], metrics: int | None = None) -> Command:
        """The worker, which touches the heartbeat file whenever it asks the queue.

        Its metrics are shown on a socket, if there is one.
        """
        shown = {} if metrics is None else {METRICS_SETTING: f"fd://{metrics}"}
        command = self._python(
            "worker",
            *("celery", "--app", "worker.app", "--quiet", "worker", "--loglevel", "INFO"),
            environment={
                "MRU_CONCURRENCY": str(WORKER_PROCESSES),
                "MRU_WAIT_TIME_SECONDS": "1",  # after an empty poll the heartbeat says: it is up
                **environment,
                **shown,
                "MRU_HEARTBEAT_FILE": str(self.heartbeat_file),
                # Celery's, about root: it runs what it is sent, but nothing sends it any code.
                "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            },
        )
        return dataclasses.replace(
            command,
            inherit=() if metrics is None else (metrics,),
            grace_seconds=_WORKER_GRACE_SECONDS,
            layer=_ABOVE_SERVICES,
        )

    def environment(
        self, aws_url: str, queue_url: str, database: Mapping[str, str]
    ) -> dict[str, str]:
        """Returns what both the API and the worker are told."""
        settings = self.settings
        given = {
            name: value
            for name, value in self.environ.items()
            if name.startswith(_OURS) and not name.startswith(_THE_STACKS_OWN)
        }
        told = {
            **self._harmless(),
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_ACCESS_KEY_ID": cloud.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": cloud.SECRET_ACCESS_KEY,
            "AWS_REGION": settings.region,
            "AWS_DEFAULT_REGION": settings.region,
            "MRU_BUCKETS": settings.bucket,
            "MRU_QUEUE_URL": queue_url,
            "MRU_VISIBILITY_SECONDS": str(settings.visibility_seconds),
            "MRU_MAX_RECEIVES": str(settings.max_receives),
            "MRU_NOTIFICATION_SECRET_FILE": str(self.secret_file),
            "MRU_LOGS": "json",  # which the terminal shows in its own way
            **database,
        }
        trial = {  # this is for trying things out
            "MRU_ALLOW_POST_MOVIES": "true",
            "MRU_IMPORTS_VISIBILITY": "public",
            "MRU_SHOW_INVALID_RECORDS": "true",
        }
        return overrule({**trial, **given}, told)

    def _harmless(self) -> dict[str, str]:
        passed_on = {name: self.environ[name] for name in self.environ if name in _PASSED_ON}
        return {
            **passed_on,
            "PYTHONUNBUFFERED": "1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _python(self, name: str, *words: str, environment: Mapping[str, str]) -> Command:
        argv = (sys.executable, "-m", *words)
        return Command(name=name, argv=argv, environment=environment, folder=ROOT)
