"""How the API's processes count together: each in files of one folder, and any of them adds up.

`api/gunicorn_conf.py` calls this. What is counted stands in `api/observe.py`; where nothing is
called here, as in a test, a process counts in its own memory.
"""

import dataclasses
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from prometheus_client import CollectorRegistry, make_wsgi_app, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.database_watch import DatabaseStatus, DatabaseWatch
from schemas.metrics import Bind
from schemas.metrics_server import serve
from schemas.settings import Environment, SettingError

# prometheus_client's own name for the folder, and where it looks for it.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_IN_MEMORY: Final = "/dev/shm"  # noqa: S108  a folder of our own in it; the disk may be read-only


@dataclasses.dataclass(frozen=True)
class Metrics:
    """The listener that all processes share, and the folder that they count in."""

    listener: socket.socket
    folder: Path
    ours: bool

    @classmethod
    def open(cls, environment: Environment) -> Self | None:
        """Opens both, before any process is forked; None where no metrics are wanted.

        Raises SettingError. A folder that is named is emptied of what an earlier API counted.
        """
        bind = Bind.read(environment)
        if bind is None:
            # Nobody would read what is counted in a folder. If one is named, prometheus_client has
            # seen that at its import.
            os.environ.pop(FOLDER, None)
            values.ValueClass = values.MutexValue
            return None
        named = environment.optional(FOLDER)
        folder = _emptied(Path(named)) if named else _new_folder()
        os.environ[FOLDER] = str(folder)
        return cls(bind.listen(), folder, ours=named is None)

    def count(self, place: int) -> None:
        """Counts in this process, which has just been forked.

        Its files are named by its place among the processes, not by its pid: whoever comes after it
        goes on counting in them. Files by pid would become more with each process that ever was.
        """
        values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]

    def serve(self, watch: DatabaseWatch) -> None:
        """Answers scrapes and liveness probes in this process, which has loaded the application."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self.folder))  # type: ignore[no-untyped-call]
        registry.register(DatabaseUp(watch))
        serve(self.listener, make_wsgi_app(registry), live=True)

    def close(self) -> None:
        """Removes the folder, unless it is somebody else's."""
        if self.ours:
            shutil.rmtree(self.folder, ignore_errors=True)


class DatabaseUp(Collector):
    """Whether the database answers the process that is scraped."""

    def __init__(self, watch: DatabaseWatch) -> None:
        self._watch = watch

    def describe(self) -> list[Metric]:
        """Keeps the registry from asking before anybody scrapes."""
        return []

    def collect(self) -> list[Metric]:
        """Returns 1 or 0. A scrape waits for it as long as a probe does."""
        up = self._watch.look() is DatabaseStatus.AVAILABLE
        text = "Whether Postgres answers this API and has its tables."
        return [GaugeMetricFamily("mru_api_database_up", text, value=float(up))]


def free_place(taken: Iterable[int]) -> int:
    """Returns the lowest number that is not taken."""
    numbers = set(taken)
    return next(number for number in range(len(numbers) + 1) if number not in numbers)


def _new_folder() -> Path:
    base = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="mru-metrics-", dir=base))


def _emptied(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.db"):
            file.unlink()
    except OSError as error:
        raise SettingError(f"{FOLDER} names {folder}: {error.strerror}.") from error
    return folder
