"""What is measured of strangers: their harm, and what honest clients notice of it meanwhile."""

import collections
import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Final

from bench.clients.flood import Flood, dear_searches
from bench.clients.honest import Asked, Honest, Steady, ask, honest_clients
from bench.clients.slow import KINDS, SECRET, SlowClients
from bench.postgres import connect
from bench.progress import say
from local.database import Dsns

SEED: Final = 15
_SLOW: Final = 100
_DEAR_A_SECOND: Final = 50.0
_LOCKED_OUT: Final = 40  # clients, while the table is locked
_LATE_SECONDS: Final = 0.05
_BUSY: Final = 503
_AFTERWARDS: Final = 2.0  # seconds after which everything is to be as before
_AFTER_SECONDS: Final = 5.0


@dataclasses.dataclass(frozen=True)
class Goal:
    """Something that is to hold, and what was measured of it."""

    what: str
    wanted: str
    measured: str
    met: bool


@dataclasses.dataclass(frozen=True)
class Target:
    """A running API, the port of its probes, and honest searches of which none repeats."""

    port: int
    probe_port: int
    dsns: Dsns
    searches: Iterator[str]

    def honest(self, *, every: float = 0.5) -> contextlib.AbstractContextManager[Honest]:
        """Has honest clients at work while a block runs."""
        return honest_clients(self.port, self.probe_port, SECRET, self.searches, every=every)


def _slow_goals(target: Target, seconds: float) -> Iterator[Goal]:
    for name, kind in KINDS.items():
        for port, which in ((target.port, "API"), (target.probe_port, "probes")):
            if which == "probes" and not kind.any_server:
                continue
            slow = SlowClients(port, kind, _SLOW)
            with slow, target.honest() as honest:
                time.sleep(seconds)
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


def _flood_goals(target: Target, seconds: float) -> Iterator[Goal]:
    flood = Flood(target.port, dear_searches(SEED), _DEAR_A_SECOND)
    with flood, target.honest() as honest:
        time.sleep(seconds)
    time.sleep(_AFTERWARDS)
    with target.honest() as after:
        time.sleep(_AFTER_SECONDS)
    what = f"{_DEAR_A_SECOND:g} dear searches a second"
    searched = honest.search.asked
    share = sum(each.status == 200 for each in searched) / len(searched)
    yield from _noted(
        *_alive(what, honest),
        _rejected(what, flood.asked),
        Goal(
            f"{what}: honest searches",
            "95 % answered",
            f"{share:.1%}; {_told(searched)}",
            share >= 0.95,
        ),
        *_normal(what, after),
    )


def _lock_goals(target: Target, seconds: float) -> Iterator[Goal]:
    asked: list[Asked] = []
    with closing(connect(target.dsns.admin)) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        with ExitStack() as stack:
            honest = stack.enter_context(target.honest())
            dear = dear_searches(SEED + 1)
            lock = threading.Lock()
            stack.enter_context(_closed_loop(target.port, dear, lock, asked))
            time.sleep(seconds)
        connection.rollback()
    time.sleep(_AFTERWARDS)
    with target.honest() as after:
        time.sleep(_AFTER_SECONDS)
    what = f"`movies` locked, {_LOCKED_OUT} clients"
    yield from _noted(*_alive(what, honest), _rejected(what, asked), *_normal(what, after))


@contextmanager
def _closed_loop(
    port: int, searches: Iterator[str], lock: threading.Lock, asked: list[Asked]
) -> Iterator[None]:
    """Has clients that ask again when they have an answer, at most four times a second each."""

    def search() -> Asked:
        with lock:
            target = next(searches)
        return ask(port, "GET", target)

    clients = [Steady(search, 0.25) for _ in range(_LOCKED_OUT)]
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
    seconds = sorted(each.seconds for each in asked if each.status == _BUSY) or [0.0]
    middle, high = (seconds[int(len(seconds) * share)] for share in (0.5, 0.99))
    late = sum(each > _LATE_SECONDS for each in seconds)
    times = f"503: p50 {middle * 1000:.0f} ms, p99 {high * 1000:.0f} ms, {late} later than 50 ms"
    measured = f"{_told(asked)}; {times}"
    return Goal(f"{what}: rejected", "99 % within 50 ms", measured, high <= _LATE_SECONDS)


def _normal(what: str, honest: Honest) -> Iterator[Goal]:
    yield Goal(
        f"{what}: {_AFTERWARDS:g} s later",
        "searches 200 within 1 s",
        _told(honest.search.asked),
        set(honest.search.statuses) == {200} and honest.search.slowest < 1,
    )


def _told(asked: Sequence[Asked]) -> str:
    """Returns how many responses had each status, and how long the slowest took."""
    counts = collections.Counter(each.status for each in asked)
    by_status = ", ".join(f"{count} of {status or 'none'}" for status, count in counts.items())
    return f"{by_status}; slowest {max(each.seconds for each in asked):.2f} s"


def _noted(*goals: Goal) -> Iterator[Goal]:
    for goal in goals:
        met = "met" if goal.met else "MISSED"
        say(f"{met}: {goal.what}: {goal.measured} (wanted: {goal.wanted})")
        yield goal


PARTS: Final[dict[str, Callable[[Target, float], Iterator[Goal]]]] = {
    "slow": _slow_goals,
    "flood": _flood_goals,
    "lock": _lock_goals,
}
