"""dlt, a widely used loader, on the same file and the same Postgres, in an environment of its own.

Its ways differ by a factor of several, so that several are measured. Where it appends, it has no
search index, and knows neither which movies are the same nor that it had the file before.
"""

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from bench.apart import install_apart
from bench.errors import BenchError
from bench.plan import ROOT
from bench.postgres import connect
from bench.services import Services

VERSION: Final = "1.31.0"
_STARTED_SECONDS: Final = 120
_FEWEST_A_SECOND: Final = 500
_FILE_RECORDS: Final = "50000"  # work is shared out by files


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mode:
    """A way to use dlt. `words` are for dlt_program.py: format, nesting, disposition."""

    name: str
    description: str
    words: tuple[str, str, str]
    settings: Mapping[str, str]


_PARALLEL: Final = {
    "NORMALIZE__WORKERS": str(os.cpu_count() or 1),
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": _FILE_RECORDS,
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": _FILE_RECORDS,
}

MODES: Final = (
    Mode(
        name="defaults",
        description="as it comes: INSERT statements; cast and genres become tables of their own",
        words=("insert_values", "default", "append"),
        settings={},
    ),
    Mode(
        name="csv",
        description="its documented quick way: CSV by COPY, a process for each core; same tables",
        words=("csv", "default", "append"),
        settings=_PARALLEL,
    ),
    Mode(
        name="csv, flat",
        description="the same, with cast and genres left as JSON in a column each"
        " (`max_table_nesting=0`)",
        words=("csv", "0", "append"),
        settings=_PARALLEL,
    ),
    Mode(
        name="same job",
        description="the same, merged by title, year and first-billed cast member into a table with"
        " search indexes like ours: the most of the worker's job that it can do",
        words=("csv", "0", "merge"),
        settings=_PARALLEL,
    ),
)


def install_dlt() -> Path:
    """Returns the Python that has dlt, after installing it where it is missing."""
    return install_apart("dlt", VERSION, extra="[postgres]") / "python"


def measure_dlt(services: Services, mode: Mode, file: Path, movies: int) -> float:
    """Returns the seconds that dlt takes for a file, without those of starting Python."""
    python = install_dlt()
    home = services.folder / "dlt"
    with services.fresh_database() as dsns:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(home),
            "DESTINATION__POSTGRES__CREDENTIALS": dsns.migrator,
            **mode.settings,
        }
        program = ROOT / "bench" / "dlt_program.py"
        try:
            answer = _run([str(python), str(program), str(file), *mode.words], environment, movies)
        finally:
            shutil.rmtree(home, ignore_errors=True)
        _check(dsns.admin, movies)
    seconds: float = answer["seconds"]
    return seconds


def _run(command: list[str], environment: dict[str, str], movies: int) -> Any:
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_STARTED_SECONDS + movies / _FEWEST_A_SECOND,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"dlt was not done after {error.timeout:.0f} seconds.") from error
    if done.returncode:
        raise BenchError(f"dlt failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _check(dsn: str, movies: int) -> None:
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM loaded.movies WHERE title <> 'First'")
        found = cursor.fetchone()[0]
        if found != movies:
            raise BenchError(f"dlt stored {found} of {movies} movies.")
