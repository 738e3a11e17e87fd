"""Measures imports, in one run: the limit, the worker's whole path, dlt, memory, the time from PUT
to visible, and small files. `make bench-ingest`; bench/README.md explains every figure.
"""

import os
import shutil
import subprocess
import sys
from typing import Final

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

from api.errors import ApiError
from bench.errors import BenchError
from bench.plan import Plan
from bench.published import publish
from bench.report import write_report
from bench.results import Facts, Results
from bench.run import Run
from bench.services import aws_variables, running_services
from local.folder import postgres_folder, wipe
from local.lock import AlreadyRunningError, hold_lock
from local.postgres import Postgres, PostgresError
from local.processes import ProcessError, StopRequested

_EXPECTED: Final = (
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
# As measured: files, the emulator's copy, the table, its indexes; and WAL until a checkpoint,
# which comes at the latest when there are 8 GB of it.
_BYTES_PER_MOVIE: Final = 2_000
_WAL_BYTES_PER_MOVIE: Final = 5_000
_WAL_BYTES_AT_MOST: Final = 9_000_000_000
_INTERRUPTED: Final = 130  # as shells have it


def main() -> int:
    """Runs the plan that the command line describes. Returns 1 where anything failed."""
    plan = Plan.parse(sys.argv[1:])
    try:
        with hold_lock(plan.folder.with_suffix(".lock")):
            check_room(plan)
            return _run(plan)
    except StopRequested:
        print("Stopped, and with it everything that was started.")
        return _INTERRUPTED
    except AlreadyRunningError:
        print("error: The benchmark is running already.", file=sys.stderr)
    except _EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def check_room(plan: Plan) -> None:
    """Raises BenchError where a disk has no room for the largest size of the plan."""
    largest = plan.sizes[-1]
    wal = min(_WAL_BYTES_AT_MOST, largest * _WAL_BYTES_PER_MOVIE)
    needed = largest * _BYTES_PER_MOVIE + wal
    for place in (plan.folder, Postgres(postgres_folder(plan.folder)).home):
        existing = next(above for above in (place, *place.parents) if above.exists())
        free = shutil.disk_usage(existing).free
        if free < needed:
            raise BenchError(
                f"{largest:,} movies need about {needed / 1e9:.0f} GB on the disk of"
                f" {place}; it has {free / 1e9:.0f}. Choose smaller ones with --sizes."
            )


def _run(plan: Plan) -> int:
    wipe(plan.folder)  # of a run that was killed
    results, whole = Results(), False
    try:
        with running_services(plan.folder) as services:
            # This process sends messages as the API does, and boto3 looks here.
            os.environ.update(aws_variables(services.aws_url))
            facts = Facts.gather(services)
            try:
                Run(plan, services, results, _EXPECTED).measure()
                whole = True
            finally:
                path = plan.results if whole else plan.folder.with_name("bench-unfinished.md")
                publish(path, write_report(facts, results))
                print(f"Written: {path}", flush=True)
    finally:
        wipe(plan.folder)
        plan.folder.rmdir()
    return 1 if results.faults else 0


if __name__ == "__main__":
    sys.exit(main())
