"""What each benchmark's program does around its measuring: one run at a time, room on the disk
before anything begins, and whatever goes wrong in one line.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

from api.errors import ApiError
from bench.errors import BenchError
from local.folder import postgres_folder
from local.lock import AlreadyRunningError, hold_lock
from local.postgres import Postgres, PostgresError
from local.processes import ProcessError, StopRequested

# What may go wrong with a part, or with all of it, that is no fault of the program itself.
EXPECTED: Final = (
    ApiError,
    BenchError,
    BotoCoreError,
    ClientError,
    OSError,
    PostgresError,
    ProcessError,
    psycopg2.Error,
    subprocess.SubprocessError,
)
_WAL_BYTES_AT_MOST: Final = 9_000_000_000  # until a checkpoint, which comes when there are 8 GB
_INTERRUPTED: Final = 130  # as shells have it


def run_alone(folder: Path, run: Callable[[], int]) -> int:
    """Runs a benchmark, unless it runs already. Returns its exit status, 1 for any failure."""
    try:
        with hold_lock(folder.with_suffix(".lock")):
            return run()
    except StopRequested:
        print("Stopped, and with it everything that was started.")
        return _INTERRUPTED
    except AlreadyRunningError:
        print("error: The benchmark is running already.", file=sys.stderr)
    except EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def check_room(
    folder: Path, movies: int, *, bytes_per_movie: int, wal_bytes_per_movie: int
) -> None:
    """Raises BenchError where a disk has no room for so many movies."""
    wal = min(_WAL_BYTES_AT_MOST, movies * wal_bytes_per_movie)
    needed = movies * bytes_per_movie + wal
    for place in (folder, Postgres(postgres_folder(folder)).home):
        existing = next(above for above in (place, *place.parents) if above.exists())
        free = shutil.disk_usage(existing).free
        if free < needed:
            raise BenchError(
                f"{movies:,} movies need about {needed / 1e9:.0f} GB on the disk of"
                f" {place}; it has {free / 1e9:.0f}. Choose smaller ones with --sizes."
            )
