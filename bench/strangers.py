"""Measures what strangers can do to the API: slow clients by the hundred, the dearest searches by the
second, a table that an administrator has locked; and what honest clients notice of it meanwhile.
`make bench-strangers`; bench/README.md explains every figure.
"""

import argparse
import dataclasses
import itertools
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlencode

from bench.clients.flood import Flood, dear_searches
from bench.clients.honest import Asked, Honest, Steady, ask, honest_clients
from bench.clients.slow import KINDS, SECRET, SlowClients
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
from local.database import Dsns
from local.folder import wipe
from local.ports import HOST, listen, port_of

HEADING: Final = "# What strangers can do"
_INTRODUCTION: Final = (
    "Written by `make bench-strangers`; [README.md](README.md) says what each figure is, and what"
    " it cannot say."
)
_MOVIES: Final = 300_000
_SECONDS: Final = 60.0
_SLOW: Final = 100
_DEAR_A_SECOND: Final = 50.0
_LOCKED_OUT: Final = 40  # clients, while the table is locked
_SEED: Final = 15
_BUSY: Final = 503
_AFTERWARDS: Final = 2.0  # seconds after which everything is to be as before
_FAT: Final = """
INSERT INTO movies (id, year, title, "cast", genres, import_id)
SELECT gen_random_uuid(), 1900, 'Fat ' || number,
    ARRAY(SELECT 'Fat Name ' || number || ' ' || name FROM generate_series(1, 200) AS name), '{}',
    '00000000-0000-0000-0000-000000000000'
FROM generate_series(1, 100) AS number
"""


@dataclasses.dataclass(frozen=True)
class Goal:
    """Something that is to hold, and what was measured of it."""

    what: str
    wanted: str
    measured: str
    met: bool


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
        parser.add_argument("--only", choices=_PARTS, action="append", help="a part; repeatable")
        parser.add_argument("--folder", type=Path, default=ROOT / ".local" / "bench-strangers")
        parser.add_argument("--results", type=Path)
        given = parser.parse_args(words)
        whole = not (given.quick or given.movies or given.seconds or given.only)
        return cls(
            movies=given.movies or (20_000 if given.quick else _MOVIES),
            seconds=given.seconds or (15.0 if given.quick else _SECONDS),
            parts=tuple(given.only or _PARTS),
            folder=given.folder.resolve(),
            results=given.results
            or ROOT / ("bench/RESULTS.md" if whole else ".local/bench-strangers-results.md"),
        )


@dataclasses.dataclass(frozen=True)
class Target:
    """A running API, the port of its probes, and honest searches of which none repeats."""

    port: int
    probe_port: int
    dsns: Dsns
    searches: Iterator[str]

    def honest(self, *, every: float = 0.5) -> "contextmanager[Honest]":
        """Has honest clients at work while a block runs."""
        return honest_clients(self.port, self.probe_port, SECRET, self.searches, every=every)


def main() -> int:
    """Runs the plan that the command line describes. Returns 1 where a goal was missed."""
    plan = Plan.parse(sys.argv[1:])
    return run_alone(plan.folder, lambda: _run(plan))


def _run(plan: Plan) -> int:
    wipe(plan.folder)
    try:
        with _target(plan) as (target, facts):
            _warm_up(target)
            goals = [goal for part in plan.parts for goal in _PARTS[part](target, plan)]
    finally:
        wipe(plan.folder)
        plan.folder.rmdir()
    rows = [(each.what, each.wanted, each.measured, "yes" if each.met else "no") for each in goals]
    described = list_facts(
        facts.described() | {"Movies": f"{plan.movies:,}", "Seconds of each": f"{plan.seconds:g}"}
    )
    goals_table = table(("what", "wanted", "measured", "met"), rows)
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
        movies = draw_movies(dsns.admin, _SEED)
        yield Target(port, probe_port, dsns, _honest_searches(movies)), Facts.gather(services)


def _honest_searches(movies: list[dict[str, object]]) -> Iterator[str]:
    """Yields what people ask for: words of titles and of names, none of them twice."""
    dice = random.Random(_SEED)
    dice.shuffle(movies)
    for movie in itertools.cycle(movies):
        words = [word for word in str(movie["title"]).split()[:-1] if len(word) > 4]
        if words and dice.random() < 0.7:
            yield f"/movies?{urlencode({'title': dice.choice(words), 'limit': dice.randrange(10, 100)})}"
        elif movie["cast"]:
            name = dice.choice(list(movie["cast"]))  # type: ignore[call-overload]
            yield f"/movies?{urlencode({'actor': name, 'limit': dice.randrange(10, 100)})}"


def _slow_goals(target: Target, plan: Plan) -> Iterator[Goal]:
    for name, kind in KINDS.items():
        for port, which in ((target.port, "API"), (target.probe_port, "probes")):
            if which == "probes" and not kind.any_server:
                continue
            slow = SlowClients(port, kind, _SLOW)
            with slow, target.honest() as honest:
                time.sleep(plan.seconds)
            what = f"{_SLOW} clients, {name}, at the {which}"
            longest = max(slow.lasted)
            yield from _noted(
                *_alive(what, honest),
                Goal(
                    f"{what}: searches",
                    "200 within 2 s",
                    _told(honest.search.asked),
                    set(honest.search.statuses) == {200} and honest.search.slowest < 2,
                ),
                Goal(f"{what}: cut off", "within 15 s", f"{longest:.1f} s", longest <= 15),
            )


def _flood_goals(target: Target, plan: Plan) -> Iterator[Goal]:
    flood = Flood(target.port, dear_searches(_SEED), _DEAR_A_SECOND)
    with flood, target.honest() as honest:
        time.sleep(plan.seconds)
    time.sleep(_AFTERWARDS)
    with target.honest() as after:
        time.sleep(5)
    what = f"{_DEAR_A_SECOND:g} dear searches a second"
    searched = honest.search.asked
    share = sum(each.status == 200 for each in searched) / len(searched)
    yield from _noted(
        *_alive(what, honest),
        _rejected(what, flood.asked),
        Goal(f"{what}: honest searches", "95 % answered", f"{share:.1%}; {_told(searched)}", share >= 0.95),
        *_normal(what, after),
    )


def _lock_goals(target: Target, plan: Plan) -> Iterator[Goal]:
    asked: list[Asked] = []
    with closing(connect(target.dsns.admin)) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        with ExitStack() as stack:
            honest = stack.enter_context(target.honest())
            dear = dear_searches(_SEED + 1)
            lock = threading.Lock()
            stack.enter_context(_closed_loop(target.port, dear, lock, asked))
            time.sleep(plan.seconds)
        connection.rollback()
    time.sleep(_AFTERWARDS)
    with target.honest() as after:
        time.sleep(5)
    what = f"`movies` locked, {_LOCKED_OUT} clients"
    yield from _noted(*_alive(what, honest), _rejected(what, asked), *_normal(what, after))


@contextmanager
def _closed_loop(
    port: int, searches: Iterator[str], lock: threading.Lock, asked: list[Asked]
) -> Iterator[None]:
    """Has clients that ask again as soon as they have an answer, at most ten times a second."""
    def search() -> Asked:
        with lock:
            target = next(searches)
        return ask(port, "GET", target)

    clients = [Steady(search, 0.1) for _ in range(_LOCKED_OUT)]
    with ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
        yield
    for client in clients:
        asked += client.asked


def _alive(what: str, honest: Honest) -> Iterator[Goal]:
    live, notify = honest.live, honest.notify
    yield Goal(
        f"{what}: liveness",
        "200 within 1 s",
        _told(live.asked),
        set(live.statuses) == {200} and live.slowest < 1,
    )
    yield Goal(f"{what}: notifications", "202", _told(notify.asked), set(notify.statuses) == {202})


def _rejected(what: str, asked: list[Asked]) -> Goal:
    # Those that were not served for the want of time are told apart by nothing else.
    rejected = sorted(each.seconds for each in asked if each.status == _BUSY)
    late = sum(seconds > 0.05 for seconds in rejected)
    p99 = rejected[int(len(rejected) * 0.99)] if rejected else 0.0
    measured = f"{_told(asked)}; 503: p50 {rejected[len(rejected) // 2] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, {late} later than 50 ms" if rejected else _told(asked)
    return Goal(f"{what}: rejected", "99 % within 50 ms", measured, p99 <= 0.05)


def _normal(what: str, honest: Honest) -> Iterator[Goal]:
    yield Goal(
        f"{what}: {_AFTERWARDS:g} s later",
        "searches 200 within 1 s",
        _told(honest.search.asked),
        set(honest.search.statuses) == {200} and honest.search.slowest < 1,
    )


def _told(asked: Sequence[Asked]) -> str:
    counts = {status: sum(each.status == status for each in asked) for status in sorted({each.status for each in asked})}
    by_status = ", ".join(f"{number} × {status or 'nothing'}" for status, number in counts.items())
    return f"{by_status}; slowest {max(each.seconds for each in asked):.2f} s"


def _noted(*goals: Goal) -> Iterator[Goal]:
    for goal in goals:
        say(f"{'met ' if goal.met else 'MISSED'} {goal.what}: {goal.measured} (wanted: {goal.wanted})")
        yield goal


def _warm_up(target: Target) -> None:
    """Lets both processes open their connections and read their templates."""
    pages = itertools.islice(dear_searches(_SEED - 1), 4 * 7)
    for search in (*itertools.islice(target.searches, 20), *pages):
        ask(target.port, "GET", search)


_PARTS: Final[dict[str, Callable[[Target, Plan], Iterator[Goal]]]] = {
    "slow": _slow_goals,
    "flood": _flood_goals,
    "lock": _lock_goals,
}


if __name__ == "__main__":
    sys.exit(main())
