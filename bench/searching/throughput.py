"""How many searches there are a second, beside a view that does nothing, by turns with it."""

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from bench.errors import BenchError
from bench.searching.client import Connection, Reply, Turn, ask_for, request
from bench.searching.questions import Question

CONNECTIONS: Final = (1, 4, 16)
EACH_NEW: Final = "new questions, with total"
UNCOUNTED: Final = "new questions, count=none"
ONE_PAGE: Final = "one page, again and again"
KNOWN: Final = "304"
TURNS: Final = 3
_KNOWN_QUESTIONS: Final = 200


@dataclasses.dataclass(frozen=True)
class Page:
    """A page whose requests are counted: what is asked, which `prepare` makes before each turn, if
    it is asked again when all has been answered, and which status each answer has.
    """

    name: str
    prepare: Callable[[], Sequence[bytes]]
    again: bool = True
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
            requests = page.prepare()
            turn = ask_for(
                port, requests, connections=connections, seconds=seconds, again=page.again
            )
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
    constant = Page("the floor", lambda: [request("/movies?title=floor")])
    turns: dict[str, list[Turn]] = {page.name: [] for page in pages}
    floors: dict[str, list[Turn]] = {page.name: [] for page in pages}
    for _ in range(TURNS):
        for page in pages:
            floors[page.name].append(ask(floor, constant))
            turns[page.name].append(ask(api, page))
    for page in pages:
        yield Rate(page.name, connections, turns[page.name], floors[page.name])


def pages_of(
    port: int, questions: Sequence[Question], middle: Question, forget: Callable[[], None]
) -> list[Page]:
    """Returns the pages to be measured: questions that nobody has asked before, with a total and
    without one; the middle one again and again; and some by whoever has the answers.

    `forget` ends what the API's processes know of them.
    """

    def each_new(more: str) -> Sequence[bytes]:
        forget()
        return [request(question.target + more) for question in questions]

    def known() -> Sequence[bytes]:
        asked = [question.target for question in questions[:_KNOWN_QUESTIONS]]
        with Connection(port) as connection:
            tags = [connection.ask(request(target)).headers["etag"] for target in asked]
        pairs = zip(asked, tags, strict=True)
        return [request(target, {"If-None-Match": tag}) for target, tag in pairs]

    return [
        Page(EACH_NEW, lambda: each_new(""), again=False),
        Page(UNCOUNTED, lambda: each_new("&count=none"), again=False),
        Page(ONE_PAGE, lambda: [request(middle.target)]),
        Page(KNOWN, known, status=304),
    ]


def middle_question(port: int, questions: Sequence[Question]) -> Question:
    """Returns the one whose answer has the median size."""
    with Connection(port) as connection:
        sizes = [len(connection.ask(request(question.target)).body) for question in questions]
    return questions[sizes.index(sorted(sizes)[len(sizes) // 2])]


def reply_to(port: int, question: Question) -> Reply:
    """Returns the answer to a question."""
    with Connection(port) as connection:
        return connection.ask(request(question.target))
