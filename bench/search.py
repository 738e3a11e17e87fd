"""Measures searches, in one run: how long each kind takes, how many there are a second beside a
view that does nothing, and what others make of the same questions. `make bench-search`;
bench/README.md explains every figure.
"""

import shutil
import subprocess
import sys
from typing import Final

import psycopg2

from api.errors import ApiError
from bench.errors import BenchError
from bench.published import publish
from bench.results import Facts
from bench.searching.databases import running_postgres
from bench.searching.plan import Plan
from bench.searching.report import write_report
from bench.searching.results import Results
from bench.searching.run import Run
from local.folder import postgres_folder, wipe
from local.lock import AlreadyRunningError, hold_lock
from local.postgres import Postgres, PostgresError
from local.processes import ProcessError, StopRequested

_EXPECTED: Final = (
    ApiError,
    BenchError,
    OSError,
    PostgresError,
    ProcessError,
    psycopg2.Error,
    subprocess.SubprocessError,
)
# As measured: the table, its indexes, a copy of it for ILIKE and one for Datasette; and WAL until a
# checkpoint, which comes at the latest when there are 8 GB of it.
_BYTES_PER_MOVIE: Final = 2_000
_WAL_BYTES_PER_MOVIE: Final = 2_000
_WAL_BYTES_AT_MOST: Final = 9_000_000_000
_INTERRUPTED: Final = 130  # as shells have it


def main() -> int:
    """Runs the plan that the command line describes. Returns 1 where anything failed."""
    plan = Plan.parse(sys.argv[1:])
    try:
        with hold_lock(plan.folder.with_suffix(".lock")):
            _check_room(plan)
            return _run(plan)
    except StopRequested:
        print("Stopped, and with it everything that was started.")
        return _INTERRUPTED
    except AlreadyRunningError:
        print("error: The benchmark is running already.", file=sys.stderr)
    except _EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def _check_room(plan: Plan) -> None:
    """Raises BenchError where the disk has no room for the sizes of the plan."""
    movies = sum(plan.sizes) if plan.keep else plan.sizes[-1]
    wal = min(_WAL_BYTES_AT_MOST, movies * _WAL_BYTES_PER_MOVIE)
    needed = movies * _BYTES_PER_MOVIE + wal
    for place in (plan.folder, Postgres(postgres_folder(plan.folder)).home):
        existing = next(above for above in (place, *place.parents) if above.exists())
        free = shutil.disk_usage(existing).free
        if free < needed:
            raise BenchError(
                f"{movies:,} movies need about {needed / 1e9:.0f} GB on the disk of"
                f" {place}; it has {free / 1e9:.0f}. Choose smaller ones with --sizes."
            )


def _run(plan: Plan) -> int:
    if not plan.keep:
        wipe(plan.folder)  # of a run that was killed, or that kept its databases
    results, whole = Results(), False
    try:
        with running_postgres(plan.folder) as databases:
            facts = Facts.gather(databases)
            try:
                Run(plan, databases, results, _EXPECTED).measure()
                whole = True
            finally:
                unfinished = plan.folder.with_name("bench-search-unfinished.md")
                path = plan.results if whole else unfinished
                publish(path, write_report(facts, results))
                print(f"Written: {path}", flush=True)
    finally:
        if not plan.keep:
            wipe(plan.folder)
            plan.folder.rmdir()
    _say_verdict(results)
    return 1 if results.faults else 0


def _say_verdict(results: Results) -> None:
    goals = results.goals()
    missed = [goal for goal in goals if not goal.met]
    for goal in missed:
        print(f"Missed: {goal.what}: {goal.wanted}, measured {goal.measured}")
    print(f"Goals met: {len(goals) - len(missed)} of {len(goals)}.")


if __name__ == "__main__":
    sys.exit(main())
