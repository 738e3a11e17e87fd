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
    ours: "Rates"

    @property
    def ratio(self) -> float:
        """How many times as many we answer for the first time."""
        return self.ours.new / self.rival_a_second

    @property
    def ratio_again(self) -> float:
        """How many times as many we answer, asked them all again and again."""
        return self.ours.again / self.rival_a_second


@dataclasses.dataclass(frozen=True)
class Rates:
    """What our API answers in a second: where it forgets its answers each time, and as it is."""

    new: float
    again: float


def ours_a_second(
    served: Ours, questions: Sequence[Question], *, counted: bool, connections: int, seconds: float
) -> Rates:
    """Asks the API the questions, each as if for the first time; and then as it is."""
    more = "" if counted else "&count=none"
    requests = [request(question.target + more) for question in questions]
    answers, took = 0, 0.0
    while took < max(_FEWEST_SECONDS, seconds):
        served.forget()
        turn = ask_for(served.api, requests, connections=connections, seconds=_AT_MOST_SECONDS)
        if set(turn.statuses) != {200}:
            raise BenchError(f"Answers of status {dict(turn.statuses)}")
        answers, took = answers + turn.answers, took + turn.seconds
    again = ask_for(
        served.api, requests, connections=connections, seconds=_FEWEST_SECONDS, again=True
    )
    return Rates(new=answers / took, again=again.a_second)
