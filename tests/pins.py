"""Reads the files of requirements/: every package, its version, and the hashes of its files."""

import dataclasses
import re
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "requirements"
_HASH: Final = re.compile(r"--hash=(\S+)")


@dataclasses.dataclass(frozen=True)
class Pin:
    """One package of a file. Two may have the same name, for different Pythons."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in the one spelling that all others mean."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The version, or what stands in its place."""
        return str(self.requirement.specifier).removeprefix("==")


def read(name: str) -> list[Pin]:
    """Returns what `pip install --require-hashes` reads in requirements/NAME.txt."""
    text = (FOLDER / f"{name}.txt").read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [
        Pin(Requirement(line.split("--hash", 1)[0]), tuple(_HASH.findall(line))) for line in lines
    ]


def versions(name: str) -> dict[str, str]:
    """Returns the version of each package that requirements/NAME.txt installs on this machine."""
    return {
        pin.name: pin.version
        for pin in read(name)
        if pin.requirement.marker is None or pin.requirement.marker.evaluate()
    }
