"""How much memory a process and its children hold at the most, while something runs.

The measure is PSS ("proportional set size"): each page counts once, shared by those who map it. So
the pages that the worker's processes share since the fork are not counted twice.
"""

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

SAMPLE_SECONDS: Final = 0.1
_FAMILY_SECONDS: Final = 1.0  # until children are looked for again: that takes longest


@dataclasses.dataclass
class Peak:
    """The largest sums seen, in bytes. `rss` counts shared pages for each process again."""

    pss: int = 0
    rss: int = 0
    samples: int = 0


@contextmanager
def watched_memory(process: int) -> Iterator[Peak]:
    """Samples a process tree in a thread for as long as the block runs."""
    peak, stop = Peak(), threading.Event()
    thread = threading.Thread(target=_watch, args=(process, peak, stop), daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def _watch(process: int, peak: Peak, stop: threading.Event) -> None:
    family, looked_at = [process], 0.0
    while not stop.wait(SAMPLE_SECONDS):
        if time.monotonic() - looked_at > _FAMILY_SECONDS:
            family, looked_at = _family(process), time.monotonic()
        sizes = [_sizes(member) for member in family]
        peak.pss = max(peak.pss, sum(size["Pss"] for size in sizes))
        peak.rss = max(peak.rss, sum(size["Rss"] for size in sizes))
        peak.samples += 1


def _family(process: int) -> list[int]:
    try:
        children = psutil.Process(process).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process, *(child.pid for child in children)]


def _sizes(process: int) -> dict[str, int]:
    """Returns Rss and Pss in bytes, of Linux' own sums; nothing for a process that is gone."""
    found = {"Rss": 0, "Pss": 0}
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return found
    for line in lines:
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0]) * 1024
    return found
