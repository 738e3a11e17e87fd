"""How long one search takes, of each kind: over HTTP as a client gets it, and the SQL alone."""

import dataclasses
import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import orjson

from api import queries
from api.database import Database
from api.errors import DatabaseUnavailableError
from bench.searching.client import Connection, Reply, request
from bench.searching.questions import Kind, Question
from local.database import environment_of
from schemas.search import LIMIT_DEFAULT, MovieSearchSchema
from schemas.settings import DatabaseSettings, Environment

_SLOWEST_SHOWN: Final = 3


@dataclasses.dataclass(frozen=True)
class Timed:
    """One question, and the seconds until it was answered."""

    question: Question
    http: float
    sql: float


@dataclasses.dataclass(frozen=True)
class Times:
    """All questions of a kind; `faults` says how often an answer was not what it has to be."""

    kind: Kind
    timed: Sequence[Timed]
    faults: Counter[str]

    def http(self, share: float) -> float:
        """Returns the milliseconds within which that share of all answers came."""
        return _percentile([each.http for each in self.timed], share) * 1000

    def sql(self, share: float) -> float:
        """Returns the same of the SQL alone."""
        return _percentile([each.sql for each in self.timed], share) * 1000

    @property
    def slowest(self) -> list[Timed]:
        """The questions that took longest, for whoever looks for the reason."""
        return sorted(self.timed, key=lambda each: -each.http)[:_SLOWEST_SHOWN]


class Asker:
    """Asks the API over one kept connection, and the database by the API's own functions."""

    def __init__(self, port: int, dsn: str) -> None:
        self._connection = Connection(port)
        self._schema = MovieSearchSchema()
        self._database = Database(DatabaseSettings.read(Environment(environment_of(dsn))))

    def close(self) -> None:
        """Closes both connections."""
        self._connection.socket.close()
        self._database.close()

    def measure(self, kind: Kind, questions: Sequence[Question]) -> Times:
        """Asks each question both ways, by turns the one and the other first."""
        timed, faults = list[Timed](), Counter[str]()
        for number, question in enumerate(questions):
            if number % 2:
                sql, found = self._sql(question)
                http, reply = self._http(question)
            else:
                http, reply = self._http(question)
                sql, found = self._sql(question)
            timed.append(Timed(question, http, sql))
            if fault := _fault(kind, reply, found):
                faults[fault] += 1
        return Times(kind, timed, faults)

    def warm_up(self, questions: Sequence[Question]) -> None:
        """Asks without looking at the answers."""
        for question in questions:
            self._http(question)
            self._sql(question)

    def _http(self, question: Question) -> tuple[float, Reply]:
        wanted = request(question.target)
        began = time.perf_counter()
        reply = self._connection.ask(wanted)
        return time.perf_counter() - began, reply

    def _sql(self, question: Question) -> tuple[float, queries.Page | None]:
        query = self._schema.load(question.query)
        began = time.perf_counter()
        try:
            page = self._database.ask(lambda connection: queries.search_movies(connection, query))
        except DatabaseUnavailableError:  # the answer over HTTP tells
            page = None
        return time.perf_counter() - began, page


def _fault(kind: Kind, reply: Reply, found: queries.Page | None) -> str | None:
    """Returns what is wrong with an answer, if anything: what HTTP and SQL say has to be the same,
    and what was drawn from a movie has to find it.
    """
    if reply.status != 200:
        return f"status {reply.status}"
    if found is None:
        return "SQL not in time"
    ids = [movie["id"] for movie in orjson.loads(reply.body)]
    if ids != [str(movie["id"]) for movie in found.rows] or len(ids) > LIMIT_DEFAULT:
        return "other movies over HTTP"
    if found.total is None or reply.headers.get("x-total-count") != str(found.total.count):
        return "other total over HTTP"
    if kind.finds is not None and bool(ids) is not kind.finds:
        return "a miss that hit" if ids else "nothing found"
    return None


def _percentile(values: Sequence[float], share: float) -> float:
    """Returns the nearest-rank percentile."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
