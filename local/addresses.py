"""Where a running stack can be reached, and the file that tells other programs."""

import dataclasses
import os
import shlex
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from local import cloud

ENVIRONMENT_FILE: Final = "stack.env"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where a stack that runs can be reached. The database's address is the superuser's."""

    api: str
    api_metrics: str
    worker_metrics: str
    aws: str
    database: str = dataclasses.field(repr=False)
    bucket: str
    region: str
    queue: str
    dead_queue: str
    secret_file: Path

    def environment(self) -> dict[str, str]:
        """Returns the variables that point any client at the stack."""
        return {
            "API_URL": self.api,
            "API_METRICS_URL": self.api_metrics,
            "WORKER_METRICS_URL": self.worker_metrics,
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_ACCESS_KEY_ID": cloud.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": cloud.SECRET_ACCESS_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "MRU_BUCKET": self.bucket,
            "MRU_QUEUE_URL": self.queue,
            "MRU_DEAD_QUEUE_URL": self.dead_queue,
            "MRU_NOTIFICATION_SECRET_FILE": str(self.secret_file),
            "DATABASE_URL": self.database,
            **self._for_libpq(),
        }

    def _for_libpq(self) -> dict[str, str]:
        # For psql: on a command line, the URL would show the password in the list of processes.
        url = make_url(self.database)
        return {
            "PGHOST": url.host or "",
            "PGPORT": str(url.port or ""),
            "PGUSER": url.username or "",
            "PGPASSWORD": url.password or "",
            "PGDATABASE": url.database or "",
        }


def write_environment(path: Path, environment: dict[str, str]) -> None:
    """Writes NAME=value lines, which shells and other programs read, for the owner's eyes only.

    The file is there wholly or not at all: whoever waits for it can use it.
    """
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())
    half.rename(path)


def read_environment(path: Path) -> dict[str, str]:
    """Returns what `write_environment` wrote. Raises FileNotFoundError."""
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}
