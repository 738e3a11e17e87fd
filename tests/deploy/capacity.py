"""What was measured of small files (bench/RESULTS.md), and what docs/capacity.md makes of it."""

import dataclasses
import re
from pathlib import Path
from typing import Final

from tests.deploy.tools import ROOT

RESULTS: Final = ROOT / "bench" / "RESULTS.md"
CAPACITY: Final = ROOT / "docs" / "capacity.md"

_SECTION: Final = re.compile(r"^## Small files$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ROW: Final = re.compile(r"^\| [\d,]+ \| ([\d.]+) \| ([\d.]+) \| [\d.]+ \|$", re.MULTILINE)
_PROCESSES: Final = re.compile(r"^(\d+) processes each\.", re.MULTILINE)
_RECKONED: Final = re.compile(r"\*\*We reckon with (\d+) small files a second and process\*\*")


class NotThereError(Exception):
    """A page does not have what is looked for, and says so where it was looked for."""


@dataclasses.dataclass(frozen=True)
class SmallFiles:
    """How many files of one movie went through in a second, in the last row of the last run."""

    worker: float
    floor: float  # receiving, fetching and deleting alone
    processes: int

    @classmethod
    def measured(cls, page: Path = RESULTS) -> "SmallFiles":
        """Reads the report of the benchmark. Raises NotThereError."""
        section = _found(_SECTION, page, page.read_text("utf-8"), "a section Small files")[1]
        _found(_ROW, page, section, "a row of rates under Small files")
        worker, floor = _ROW.findall(section)[-1]
        processes = _found(_PROCESSES, page, section, "the number of processes")[1]
        return cls(float(worker), float(floor), int(processes))

    @property
    def per_process(self) -> float:
        return self.worker / self.processes


def reckoned(page: Path = CAPACITY) -> float:
    """Returns how many small files a second and process are reckoned with. Raises NotThereError."""
    text = page.read_text("utf-8")
    return float(_found(_RECKONED, page, text, "what is reckoned with for small files")[1])


def _found(pattern: re.Pattern[str], page: Path, text: str, what: str) -> re.Match[str]:
    match = pattern.search(text)
    if match is None:
        raise NotThereError(f"{page.name} has not {what}: {pattern.pattern}")
    return match
