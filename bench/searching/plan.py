"""What a run measures: which parts, at which sizes, with how many questions, and where."""

import argparse
import dataclasses
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from bench.plan import ROOT, make_parser, positive

_LOCAL: Final = ROOT / ".local"

_SIZES: Final = (1_000_000, 5_000_000)
_QUICK_SIZES: Final = (20_000,)
_QUESTIONS: Final = 500
_QUICK_QUESTIONS: Final = 20
_LARGER: Final = 0.4  # of the questions: at larger sizes the same certainty would take too long


class Part(StrEnum):
    """What can be measured by itself."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    DATASETTE = "datasette"
    ILIKE = "ilike"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """One run. `sizes` are in movies, growing; all but the latency is measured at the first.

    `questions` are of each kind. `seconds` is how long each turn of requests lasts, and
    `rival_seconds` how long Datasette and ILIKE are asked questions of one kind. `keep` leaves the
    databases for the next run, which takes them as they are.
    """

    parts: frozenset[Part]
    sizes: tuple[int, ...]
    questions: int
    seconds: float
    rival_seconds: float
    keep: bool
    folder: Path
    results: Path

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """Reads the command line. Ends the program where it is wrong, saying why."""
        given = _parser().parse_args(words)
        quick: bool = given.quick
        whole = not (quick or given.only or given.sizes or given.questions or given.seconds)
        return cls(
            parts=frozenset(given.only or Part),
            sizes=tuple(sorted(set(given.sizes or (_QUICK_SIZES if quick else _SIZES)))),
            questions=given.questions or (_QUICK_QUESTIONS if quick else _QUESTIONS),
            seconds=given.seconds or (0.3 if quick else 5.0),
            rival_seconds=2.0 if quick else 20.0,
            keep=given.keep,
            folder=given.folder.resolve(),
            # What is published is always one whole run.
            results=given.results
            or (ROOT / "bench" / "RESULTS.md" if whole else _LOCAL / "bench-search-results.md"),
        )

    def questions_at(self, size: int) -> int:
        """How many questions of each kind are asked at a size."""
        return self.questions if size == self.sizes[0] else max(1, int(self.questions * _LARGER))

    def parts_at(self, size: int) -> frozenset[Part]:
        """What is measured at a size."""
        return self.parts if size == self.sizes[0] else self.parts & {Part.LATENCY}


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "bench.search",
        "Measures searches: how long each takes, and how many there are a second.",
        Part,
        _LOCAL / "bench-search",
    )
    add = parser.add_argument
    add("--questions", type=positive, help="of each kind, at the smallest size")
    add("--seconds", type=float, help="of each turn of requests")
    add("--keep", action="store_true", help="keep the databases, and use those that were kept")
    return parser
