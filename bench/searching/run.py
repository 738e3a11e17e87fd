"""The order in which a plan is measured: size after size, and at the first all that compares."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Final

from bench.postgres import connect
from bench.progress import noted, say
from bench.searching.against_datasette import match_datasette, running_datasette
from bench.searching.against_ilike import match_ilike, plain_table
from bench.searching.databases import Databases, draw_movies, misses
from bench.searching.latency import Asker, Times
from bench.searching.plan import Part, Plan
from bench.searching.questions import KINDS, ORDINARY, Dice, Kind, Question
from bench.searching.results import Results
from bench.searching.rivals import RIVAL_KINDS, Match
from bench.searching.servers import start_api, start_floor
from bench.searching.throughput import measure_rates, middle_question, pages_of, reply_to
from local.console import Files
from local.database import Dsns
from local.processes import Supervisor

_SEED: Final = 20_061  # any number; by it, all runs ask the same
_WARM_UPS: Final = 10  # of each kind
_MIDDLE_OF: Final = 200
_ORDINARY: Final = 800  # of each kind: enough for all that are answered in a turn

Questions = Mapping[Kind, Sequence[Question]]


@dataclasses.dataclass(frozen=True)
class Served:
    """A number of movies, in a database and behind an API of their own, and what to ask."""

    size: int
    dsns: Dsns
    supervisor: Supervisor
    api: int
    questions: Questions
    ordinary: Sequence[Question]

    def forget(self) -> None:
        """Ends what the API's processes know, as each import does: the data have a new version."""
        with closing(connect(self.dsns.admin)) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE data_version SET version = version + 1")


class Run:
    """One run of a plan. A part that fails is noted, and the others go on."""

    def __init__(self, plan: Plan, databases: Databases, results: Results) -> None:
        self._plan = plan
        self._databases = databases
        self._results = results

    def measure(self) -> None:
        """Measures all of the plan, and prints each figure when it is known."""
        measures = {
            Part.LATENCY: self._measure_latency,
            Part.THROUGHPUT: self._measure_throughput,
            Part.DATASETTE: self._measure_datasette,
            Part.ILIKE: self._measure_ilike,
        }
        for size in self._plan.sizes:
            parts = self._plan.parts_at(size)
            if not parts:
                continue
            with self._served(size) as served:
                for part, measure in measures.items():
                    if part in parts:
                        with noted(self._results.faults, f"{part}, {size:,} movies"):
                            measure(served)

    @contextmanager
    def _served(self, size: int) -> Iterator[Served]:
        say(f"{size:,} movies: loading, unless they are there")
        dsns, seconds = self._databases.movies(size)
        if seconds is not None:
            self._results.load_seconds[size] = seconds
            say(f"{size:,} movies: loaded in {seconds:.0f} s")
        movies = draw_movies(dsns.admin, _SEED)
        with misses(dsns.admin) as is_miss:
            questions = {
                kind: Dice(f"{_SEED} {kind.label}", movies, is_miss).questions(
                    kind, self._plan.questions_at(size)
                )
                for kind in KINDS
            }
            dice = Dice(f"{_SEED}", movies, is_miss)
            ordinary = [each for kind in ORDINARY for each in dice.questions(kind, _ORDINARY)]
            dice.shuffle(ordinary)
        with Supervisor(Files(self._plan.folder / "logs")) as supervisor:
            api = start_api(supervisor, dsns.api)
            yield Served(size, dsns, supervisor, api, questions, ordinary)

    def _measure_latency(self, served: Served) -> None:
        asker = Asker(served.api, served.dsns.api)
        try:
            for questions in served.questions.values():
                asker.warm_up(questions[:_WARM_UPS])
            for kind, questions in served.questions.items():
                served.supervisor.check()
                served.forget()  # the answers to those before
                times = asker.measure(kind, questions)
                self._results.times.setdefault(served.size, []).append(times)
                _say_times(served.size, times)
        finally:
            asker.close()

    def _measure_throughput(self, served: Served) -> None:
        middle = middle_question(served.api, served.ordinary[:_MIDDLE_OF])
        pages = pages_of(served.api, served.ordinary, middle, served.forget)
        constant = reply_to(served.api, middle)
        floor = start_floor(served.supervisor, constant, self._plan.folder)
        self._results.floor_bytes = len(constant.body)
        for rate in measure_rates(served.api, floor, pages, seconds=self._plan.seconds):
            served.supervisor.check()
            self._results.rates.append(rate)
            say(
                f"{rate.page}, {rate.connections} connections: {rate.a_second:,.0f} a second,"
                f" {rate.ratio:.2f} of the floor's {rate.floor_a_second:,.0f};"
                f" the client took {rate.client_share:.2f} of a core"
            )

    def _measure_datasette(self, served: Served) -> None:
        with running_datasette(served.dsns.admin, self._plan.folder) as port:
            for counted in (True, False):
                for kind, questions in _rival_questions(served):
                    served.supervisor.check()
                    self._take_match(
                        match_datasette(
                            port,
                            served,
                            kind,
                            questions,
                            counted=counted,
                            seconds=self._plan.rival_seconds,
                        )
                    )

    def _measure_ilike(self, served: Served) -> None:
        with plain_table(served.dsns.admin) as cursor:
            for kind, questions in _rival_questions(served):
                served.supervisor.check()
                seconds = self._plan.rival_seconds
                self._take_match(match_ilike(cursor, served, kind, questions, seconds=seconds))

    def _take_match(self, match: Match) -> None:
        self._results.matches.append(match)
        say(
            f"{match.kind}, {'with total' if match.counted else 'no total'}: {match.rival}"
            f" {match.rival_a_second:.2f} a second ({match.asked} asked), ours"
            f" {match.ours.new:,.1f} of new ones, {match.ours.again:,.0f} again:"
            f" {match.ratio:,.0f} and {match.ratio_again:,.0f} times as many"
        )


def _rival_questions(served: Served) -> Iterator[tuple[str, Sequence[Question]]]:
    for kind, questions in served.questions.items():
        if kind.label in RIVAL_KINDS:
            yield kind.label, questions


def _say_times(size: int, times: Times) -> None:
    http, sql = (
        " / ".join(f"{percentile(share):.1f}" for share in (0.5, 0.95, 1.0))
        for percentile in (times.http, times.sql)
    )
    slowest = times.slowest[0]
    faults = "".join(f"; {count} x {fault}" for fault, count in times.faults.items())
    say(
        f"{size:>10,} movies  {times.kind.label}: p50 / p95 / max {http} ms, SQL alone {sql} ms;"
        f" slowest: {slowest.question}{faults}"
    )
