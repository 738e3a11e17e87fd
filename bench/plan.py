"""What a run measures: which parts, at which sizes, how often, and where it may keep its data."""

import argparse
import dataclasses
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
_LOCAL: Final = ROOT / ".local"

_SIZES: Final = (20_000, 200_000, 1_000_000, 5_000_000)
_QUICK_SIZES: Final = (2_000,)
_DLT_MAX_MOVIES: Final = 1_000_000  # beyond that it only takes longer
_REPEATS: Final = 3
_REPEATED_UP_TO: Final = 200_000


class Part(StrEnum):
    """What can be measured by itself."""

    LIMIT = "limit"
    PATH = "path"
    DLT = "dlt"
    MEMORY = "memory"
    LATENCY = "latency"
    SMALL_FILES = "small-files"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """One run. `sizes` are in movies, growing; memory is compared between the largest two.

    `repeats` is for every size, where it is given.
    """

    parts: frozenset[Part]
    sizes: tuple[int, ...]
    repeats: int | None
    uploads: int
    files: int
    folder: Path
    results: Path

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """Reads the command line. Ends the program where it is wrong, saying why."""
        given = _parser().parse_args(words)
        sizes = given.sizes or (_QUICK_SIZES if given.quick else _SIZES)
        whole = not (given.quick or given.only or given.sizes)
        return cls(
            parts=frozenset(given.only or Part),
            sizes=tuple(sorted(set(sizes))),
            repeats=given.repeats or (1 if given.quick else None),
            uploads=given.uploads or (10 if given.quick else 200),
            files=given.files or (40 if given.quick else 1_000),
            folder=given.folder.resolve(),
            # What is published is always one whole run.
            results=given.results
            or (ROOT / "bench" / "RESULTS.md" if whole else _LOCAL / "bench-results.md"),
        )

    def repeats_of(self, size: int) -> int:
        """How often a size is measured: small ones more often, for they vary more."""
        return self.repeats or (_REPEATS if size <= _REPEATED_UP_TO else 1)

    def has(self, part: Part, size: int) -> bool:
        """Whether a part is to be measured at a size."""
        if part is Part.DLT and size > _DLT_MAX_MOVIES:
            return False
        if part is Part.MEMORY and size not in self.sizes[-2:]:
            return False
        return part in self.parts


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "bench.ingest",
        "Measures imports against the limit, which is Postgres' own COPY.",
        Part,
        _LOCAL / "bench",
    )
    add = parser.add_argument
    add("--repeats", type=positive, help="of each size; else 3 up to 200,000 movies, and then 1")
    add("--uploads", type=positive, help="uploads from PUT to visible")
    add("--files", type=positive, help="one-movie files at once")
    return parser


def make_parser(
    module: str, description: str, parts: type[StrEnum], folder: Path
) -> argparse.ArgumentParser:
    """Makes a parser of what can be said to every benchmark."""

    def parts_of(text: str) -> list[StrEnum]:
        return [parts(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    add = parser.add_argument
    add("--only", type=parts_of, help=f"parts, with commas between: {', '.join(parts)}")
    add("--sizes", type=_sizes, help="numbers of movies, with commas between")
    add("--quick", action="store_true", help="a small run that shows that everything works")
    add("--folder", type=Path, default=folder, help="for its data; removed at the end")
    add("--results", type=Path, help="the file to write; bench/RESULTS.md for a whole run")
    return parser


def _sizes(text: str) -> list[int]:
    return [positive(word) for word in text.replace("_", "").split(",")]


def positive(text: str) -> int:
    """Reads a number of at least 1. Raises ValueError."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
