"""A Dockerfile, read far enough to check it where nothing can build it: stages and instructions."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Final

_CONTINUED: Final = re.compile(r"\\\n")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, and the rest of it."""

    name: str
    rest: str

    def words(self) -> list[str]:
        """Returns what an exec form holds. Raises ValueError for a shell form."""
        return [str(word) for word in json.loads(self.rest)]


@dataclasses.dataclass(frozen=True)
class Stage:
    """What stands between one FROM and the next."""

    base: str
    instructions: list[Instruction]

    def all(self, name: str) -> list[Instruction]:
        return [one for one in self.instructions if one.name == name]

    def one(self, name: str) -> Instruction:
        found = self.all(name)
        assert len(found) == 1, f"{len(found)} of {name}"
        return found[0]

    def environment(self) -> dict[str, str]:
        """Returns what ENV sets."""
        pairs = [pair for one in self.all("ENV") for pair in one.rest.split()]
        return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}

    def healthcheck(self) -> list[str]:
        """Returns the command of HEALTHCHECK."""
        command = self.one("HEALTHCHECK").rest.partition("CMD ")[2]
        return [str(word) for word in json.loads(command)]


def read(file: Path) -> list[Stage]:
    """Returns the stages of a Dockerfile."""
    stages: list[Stage] = []
    text = _CONTINUED.sub(" ", file.read_text("utf-8"))
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append(Stage(rest, []))
        elif stages:
            stages[-1].instructions.append(Instruction(name, re.sub(r"\s+", " ", rest)))
    return stages
