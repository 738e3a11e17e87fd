"""What is told while a benchmark runs: each figure when it is known, and what could not be had."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.program import EXPECTED


def say(text: str) -> None:
    """Prints at once, for whoever waits."""
    print(text, flush=True)


@contextmanager
def noted(faults: list[str], what: str) -> Iterator[None]:
    """Notes that a part could not be measured, and lets the others go on."""
    try:
        yield
    except EXPECTED as error:
        faults.append(f"{what}: {error}")
        say(f"not measured: {what}: {error}")
