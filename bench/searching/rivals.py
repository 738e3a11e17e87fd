"""The same questions to others, over the same movies: what they and we answer in a second."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from bench.searching.client import ask_for, request
from bench.searching.questions import Question

RIVAL_KINDS: Final = ("title, 3 to 8 characters", "actor, 3 to 8 characters", "title and actor")
_FEWEST_SECONDS: Final = 2.0


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
    port: int, questions: Sequence[Question], *, counted: bool, connections: int, seconds: float
) -> float:
    """Asks the API the questions, again and again where they are few."""
    more = "" if counted else "&count=none"
    requests = [request(question.target + more) for question in questions]
    seconds = max(_FEWEST_SECONDS, seconds)
    return ask_for(port, requests, connections=connections, seconds=seconds).a_second
