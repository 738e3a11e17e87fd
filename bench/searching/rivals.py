"""The same questions to others, over the same movies: what they and we answer in a second."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Protocol

from bench.errors import BenchError
from bench.searching.client import ask_for, request
from bench.searching.questions import Question

RIVAL_KINDS: Final = ("title, 3 to 8 characters", "actor, 3 to 8 characters", "title and actor")
_FEWEST_SECONDS: Final = 2.0
_AT_MOST_SECONDS: Final = 120.0


class Ours(Protocol):
    """Our API: its port, and how to make it forget the answers that it gave."""

    @property
    def api(self) -> int: ...

    def forget(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class Match:
    """A rival's answers a second, and ours to the very questions that it had time for."""

    rival: str
    kind: str
    counted: bool  # with a total
    connections: int
    asked: int
    rival_a_second: float
    ours_a_second: float

    @property
    def ratio(self) -> float:
        """How many times as many we answer."""
        return self.ours_a_second / self.rival_a_second


def ours_a_second(
    served: Ours, questions: Sequence[Question], *, counted: bool, connections: int, seconds: float
) -> float:
    """Asks the API the questions, each once, and as if for the first time again and again."""
    more = "" if counted else "&count=none"
    requests = [request(question.target + more) for question in questions]
    answers, took = 0, 0.0
    while took < max(_FEWEST_SECONDS, seconds):
        served.forget()
        turn = ask_for(served.api, requests, connections=connections, seconds=_AT_MOST_SECONDS)
        if set(turn.statuses) != {200}:
            raise BenchError(f"Answers of status {dict(turn.statuses)}")
        answers, took = answers + turn.answers, took + turn.seconds
    return answers / took
