"""Measures imports, in one run: the limit, the worker's whole path, dlt, memory, the time from PUT
to visible, and small files. `make bench-ingest`; bench/README.md explains every figure.
"""

import os
import sys
from typing import Final

from bench.plan import Plan
from bench.program import check_room, run_alone
from bench.published import publish
from bench.report import write_report
from bench.results import Facts, Results
from bench.run import Run
from bench.services import aws_variables, running_services
from local.folder import wipe

# As measured: files, the emulator's copy, the table, its indexes; and WAL.
_BYTES_PER_MOVIE: Final = 2_000
_WAL_BYTES_PER_MOVIE: Final = 5_000


def main() -> int:
    """Runs the plan that the command line describes. Returns 1 where anything failed."""
    plan = Plan.parse(sys.argv[1:])
    return run_alone(plan.folder, lambda: _run(plan))


def _run(plan: Plan) -> int:
    check_room(
        plan.folder,
        plan.sizes[-1],
        bytes_per_movie=_BYTES_PER_MOVIE,
        wal_bytes_per_movie=_WAL_BYTES_PER_MOVIE,
    )
    wipe(plan.folder)  # of a run that was killed
    results, whole = Results(), False
    try:
        with running_services(plan.folder) as services:
            # This process sends messages as the API does, and boto3 looks here.
            os.environ.update(aws_variables(services.aws_url))
            facts = Facts.gather(services)
            try:
                Run(plan, services, results).measure()
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
