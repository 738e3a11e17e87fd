"""How many searches there are a second, beside a view that does nothing, by turns with it."""

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from bench.errors import BenchError
from bench.searching.client import Connection, Reply, Turn, ask_for, request
from bench.searching.questions import Question

CONNECTIONS: Final = (1, 4, 16)
EACH_ANOTHER: Final = "questions, with total"
UNCOUNTED: Final = "questions, count=none"
ONE_PAGE: Final = "one page, again and again"
KNOWN: Final = "304"
TURNS: Final = 3
_SETTLE_SECONDS: Final = 0.5


@dataclasses.dataclass(frozen=True)
class Page:
    """A page whose requests are counted: what is asked, and which status each answer has."""

    name: str
    requests: Sequence[bytes]
    status: int = 200


@dataclasses.dataclass(frozen=True)
class Rate:
    """The turns of a page with a number of connections, and those of the floor before each."""

    page: str
    connections: int
    turns: Sequence[Turn]
    floors: Sequence[Turn]

    @property
    def a_second(self) -> float:
        """Answers a second, in the middle turn."""
        return statistics.median(turn.a_second for turn in self.turns)

    @property
    def floor_a_second(self) -> float:
        """The same of the floor."""
        return statistics.median(turn.a_second for turn in self.floors)

    @property
    def ratio(self) -> float:
        """How much of the floor remains: the middle one of the ratios of neighbouring turns."""
        pairs = zip(self.turns, self.floors, strict=True)
        return statistics.median(turn.a_second / floor.a_second for turn, floor in pairs)

    @property
    def client_share(self) -> float:
        """How much of one core the client took while it asked for the page."""
        return statistics.median(turn.client_seconds / turn.seconds for turn in self.turns)


def measure_rates(api: int, floor: int, pages: Sequence[Page], *, seconds: float) -> Iterator[Rate]:
    """Measures every page with each number of connections."""
    for connections in CONNECTIONS:

        def ask(port: int, page: Page, connections: int = connections) -> Turn:
            turn = ask_for(port, page.requests, connections=connections, seconds=seconds)
            if set(turn.statuses) - {page.status}:
                raise BenchError(f"{page.name}: answers of status {dict(turn.statuses)}")
            return turn

        yield from _by_turns(api, floor, pages, connections, ask)


def _by_turns(
    api: int,
    floor: int,
    pages: Sequence[Page],
    connections: int,
    ask: Callable[[int, Page], Turn],
) -> Iterator[Rate]:
    constant = Page("the floor", [request("/movies?title=floor")])
    turns: dict[str, list[Turn]] = {page.name: [] for page in pages}
    floors: dict[str, list[Turn]] = {page.name: [] for page in pages}
    for _ in range(TURNS):
        for page in pages:
            floors[page.name].append(ask(floor, constant))
            turns[page.name].append(ask(api, page))
    for page in pages:
        yield Rate(page.name, connections, turns[page.name], floors[page.name])


def pages_of(port: int, questions: Sequence[Question]) -> list[Page]:
    """Returns the pages to be measured: one question after another with a total and without one;
    one of them again and again; and all of them, asked by whoever has the answer already.
    """
    targets = [question.target for question in questions]
    with Connection(port) as connection:
        replies = [connection.ask(request(target)) for target in targets]
    requests = [request(target) for target in targets]
    asked_again = [
        request(target, {"If-None-Match": reply.headers["etag"]})
        for target, reply in zip(targets, replies, strict=True)
    ]
    return [
        Page(EACH_ANOTHER, requests),
        Page(UNCOUNTED, [request(f"{target}&count=none") for target in targets]),
        Page(ONE_PAGE, [requests[replies.index(middle(replies))]]),
        Page(KNOWN, asked_again, 304),
    ]


def middle(replies: Sequence[Reply]) -> Reply:
    """Returns the one of the median size."""
    return sorted(replies, key=lambda reply: len(reply.body))[len(replies) // 2]


def middle_reply(port: int, questions: Sequence[Question]) -> Reply:
    """Asks the questions, and returns the answer of the median size."""
    with Connection(port) as connection:
        return middle([connection.ask(request(question.target)) for question in questions])
