"""What was measured, and what has to be known to read it: facts of the machine and its settings."""

import dataclasses
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, Self

import psutil

from bench.latency import Latency
from bench.plan import ROOT
from bench.postgres import SETTINGS, connect
from bench.road import Passage
from bench.small_files import SmallFiles

_GIT_SECONDS: Final = 10


class Reachable(Protocol):
    """Whatever runs a Postgres."""

    @property
    def dsn(self) -> str:
        """The superuser's address."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """Where and when it was measured."""

    began: datetime
    cores: int
    processor: str
    memory_bytes: int
    system: str
    python: str
    postgres: str
    commit: str
    load: float  # the machine's, before the run began

    @classmethod
    def gather(cls, services: Reachable) -> Self:
        """Looks at the machine and at Postgres."""
        with closing(connect(services.dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            version = cursor.fetchone()[0]
        return cls(
            began=datetime.now(UTC),
            cores=os.cpu_count() or 1,
            processor=_processor(),
            memory_bytes=psutil.virtual_memory().total,
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            postgres=version,
            commit=_commit(),
            load=os.getloadavg()[0],
        )

    def described(self) -> dict[str, str]:
        """Returns what a reader has to know of them."""
        settings = ", ".join(f"{name} {value}" for name, value in SETTINGS.items())
        return {
            "Began": f"{self.began:%Y-%m-%d %H:%M} UTC",
            "Commit": self.commit,
            "Machine": f"{self.cores} cores ({self.processor}), {self.memory_bytes / 1e9:.0f} GB",
            "System": f"{self.system}, Python {self.python}",
            "Load average before it began": f"{self.load:.1f}",
            "Postgres": f"{self.postgres} on the same machine; {settings}; else as it comes",
        }


@dataclasses.dataclass
class Results:
    """Everything that was measured so far; `faults` are what could not be."""

    limit: dict[int, list[float]] = dataclasses.field(default_factory=dict)  # by movies: seconds
    path: dict[int, list[Passage]] = dataclasses.field(default_factory=dict)
    dlt: dict[tuple[str, int], list[float]] = dataclasses.field(default_factory=dict)  # by mode
    memory: dict[tuple[int, str], Passage] = dataclasses.field(default_factory=dict)  # by format
    latency: Latency | None = None
    small_files: SmallFiles | None = None
    faults: list[str] = dataclasses.field(default_factory=list)

    def path_seconds(self, movies: int) -> list[float]:
        """Returns every time of the whole path for a size."""
        return [passage.seconds for passage in self.path.get(movies, [])]


def a_second(movies: int, seconds: Sequence[float]) -> float:
    """Returns movies a second, by the median of several times."""
    return movies / statistics.median(seconds)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """Returns the commit, and whether the files differ from it; nothing outside of a checkout."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_GIT_SECONDS,
        check=False,
    )
    return done.stdout.strip() or "unknown"
