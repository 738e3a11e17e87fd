"""Measures searches, in one run: how long each kind takes, how many there are a second beside a
view that does nothing, and what others make of the same questions. `make bench-search`;
bench/README.md explains every figure.
"""

import sys
from typing import Final

from bench.program import check_room, run_alone
from bench.published import publish
from bench.results import Facts
from bench.searching.databases import running_postgres
from bench.searching.plan import Plan
from bench.searching.report import write_report
from bench.searching.results import Results
from bench.searching.run import Run
from local.folder import wipe

# As measured: the table, its indexes, a copy of it for ILIKE and one for Datasette; and WAL.
_BYTES_PER_MOVIE: Final = 2_000
_WAL_BYTES_PER_MOVIE: Final = 2_000


def main() -> int:
    """Runs the plan that the command line describes. Returns 1 where anything failed."""
    plan = Plan.parse(sys.argv[1:])
    return run_alone(plan.folder, lambda: _run(plan))


def _run(plan: Plan) -> int:
    check_room(
        plan.folder,
        sum(plan.sizes) if plan.keep else plan.sizes[-1],
        bytes_per_movie=_BYTES_PER_MOVIE,
        wal_bytes_per_movie=_WAL_BYTES_PER_MOVIE,
    )
    if not plan.keep:
        wipe(plan.folder)  # of a run that was killed, or that kept its databases
    results, whole = Results(), False
    try:
        with running_postgres(plan.folder) as databases:
            facts = Facts.gather(databases)
            try:
                Run(plan, databases, results).measure()
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
