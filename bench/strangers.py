"""Measures what strangers can do to the API: slow clients by the hundred, the dearest searches at a
rate, a table that an administrator has locked; and what honest clients notice of it meanwhile.
`make bench-strangers`; bench/README.md explains every figure.
"""

import argparse
import dataclasses
import itertools
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

from bench.clients.flood import dear_searches
from bench.clients.honest import ask
from bench.clients.measured import PARTS, SEED, Target
from bench.clients.slow import SECRET
from bench.markdown import list_facts, table
from bench.plan import ROOT
from bench.postgres import connect
from bench.program import run_alone
from bench.progress import say
from bench.published import publish
from bench.results import Facts
from bench.searching.databases import Databases, draw_movies
from bench.searching.servers import start_api
from bench.services import aws_variables, running_services
from local.folder import wipe
from local.ports import HOST, listen, port_of

HEADING: Final = "# What strangers can do"
_INTRODUCTION: Final = (
    "Written by `make bench-strangers`; [README.md](README.md) says what each figure is, and what"
    " it cannot say."
)
_MOVIES: Final = 300_000
_SECONDS: Final = 60.0
_FAT: Final = """
INSERT INTO movies (id, year, title, "cast", genres, import_id)
SELECT gen_random_uuid(), 1900, 'Fat ' || number,
    ARRAY(SELECT 'Fat Name ' || number || ' ' || name FROM generate_series(1, 200) AS name), '{}',
    '00000000-0000-0000-0000-000000000000'
FROM generate_series(1, 100) AS number
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """One run: how many movies, for how many seconds each, and where."""

    movies: int
    seconds: float
    parts: tuple[str, ...]
    folder: Path
    results: Path

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """Reads the command line. Ends the program where it is wrong, saying why."""
        parser = argparse.ArgumentParser("bench.strangers", description=__doc__)
        parser.add_argument("--quick", action="store_true", help="20,000 movies, 15 seconds each")
        parser.add_argument("--movies", type=int)
        parser.add_argument("--seconds", type=float)
        parser.add_argument("--only", choices=PARTS, action="append", help="a part; repeatable")
        parser.add_argument("--folder", type=Path, default=ROOT / ".local" / "bench-strangers")
        parser.add_argument("--results", type=Path)
        given = parser.parse_args(words)
        whole = not (given.quick or given.movies or given.seconds or given.only)
        return cls(
            movies=given.movies or (20_000 if given.quick else _MOVIES),
            seconds=given.seconds or (15.0 if given.quick else _SECONDS),
            parts=tuple(given.only or PARTS),
            folder=given.folder.resolve(),
            results=given.results
            or ROOT / ("bench/RESULTS.md" if whole else ".local/bench-strangers-results.md"),
        )


def main() -> int:
    """Runs the plan that the command line describes. Returns 1 where a goal was missed."""
    plan = Plan.parse(sys.argv[1:])
    return run_alone(plan.folder, lambda: _run(plan))


def _run(plan: Plan) -> int:
    wipe(plan.folder)
    try:
        with _target(plan) as (target, facts):
            _warm_up(target)
            goals = [goal for part in plan.parts for goal in PARTS[part](target, plan.seconds)]
    finally:
        wipe(plan.folder)
        plan.folder.rmdir()
    rows = [(each.what, each.wanted, each.measured, "yes" if each.met else "no") for each in goals]
    described = list_facts(
        facts.described() | {"Movies": f"{plan.movies:,}", "Seconds of each": f"{plan.seconds:g}"}
    )
    goals_table = "## What was measured\n\n" + table(("what", "wanted", "measured", "met"), rows)
    publish(plan.results, "\n\n".join((HEADING, _INTRODUCTION, described, goals_table)) + "\n")
    missed = [goal for goal in goals if not goal.met]
    say(f"Written: {plan.results}. Goals met: {len(goals) - len(missed)} of {len(goals)}.")
    return 1 if missed else 0


@contextmanager
def _target(plan: Plan) -> Iterator[tuple[Target, Facts]]:
    with running_services(plan.folder) as services:
        say(f"{plan.movies:,} movies: loading")
        dsns, _ = Databases(services.supervisor, services.dsn).movies(plan.movies)
        with closing(connect(dsns.admin)) as connection, connection.cursor() as cursor:
            cursor.execute(_FAT)
        with closing(listen(0, "no variable")) as listener:
            probe_port = port_of(listener)
        port = start_api(
            services.supervisor,
            dsns.api,
            **aws_variables(services.aws_url),
            MRU_BUCKETS="movies-r-us",
            MRU_QUEUE_URL=services.make_queue(),
            MRU_NOTIFICATION_SECRET=SECRET,
            MRU_METRICS_BIND=f"{HOST}:{probe_port}",
            WEB_CONCURRENCY="2",
        )
        movies = draw_movies(dsns.admin, SEED)
        yield Target(port, probe_port, dsns, _honest_searches(movies)), Facts.gather(services)


def _honest_searches(movies: list[dict[str, Any]]) -> Iterator[str]:
    """Yields what people ask for: words of titles and of names, none of them twice."""
    dice = random.Random(SEED)
    dice.shuffle(movies)
    for movie in itertools.cycle(movies):
        words = [word for word in str(movie["title"]).split()[:-1] if len(word) > 4]
        if words and dice.random() < 0.7:
            asked = {"title": dice.choice(words), "limit": dice.randrange(10, 100)}
            yield f"/movies?{urlencode(asked)}"
        elif movie["cast"]:
            name = dice.choice(list(movie["cast"]))
            yield f"/movies?{urlencode({'actor': name, 'limit': dice.randrange(10, 100)})}"


def _warm_up(target: Target) -> None:
    """Lets both processes open their connections and read their templates."""
    pages = itertools.islice(dear_searches(SEED - 1), 4 * 7)
    for search in (*itertools.islice(target.searches, 20), *pages):
        ask(target.port, "GET", search)


if __name__ == "__main__":
    sys.exit(main())
