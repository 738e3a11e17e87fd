"""Every dependency is pinned, and stands in the decision record with the reason for it."""

import configparser
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
RECORD: Final = ROOT / "docs" / "adr" / "0008-dependencies.md"


def required() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"].values()
    lines = [setup["options"]["install_requires"], *extras]
    return {name_of(line) for line in "\n".join(lines).split()}


def name_of(requirement: str) -> str:
    name = re.split(r"[\[=<>~!; ]", requirement, maxsplit=1)[0]
    return name.lower().replace("_", "-")  # which mean the same, and pip writes either


def test_every_dependency_has_its_reason_and_every_reason_its_dependency() -> None:
    reasons = re.findall(
        r"^\| ([a-z][\w.-]*) \|.*\| (.+) \|$", RECORD.read_text("utf-8"), re.MULTILINE
    )
    assert {name for name, _ in reasons} - {"package"} == required()


def test_every_dependency_is_pinned_to_one_version() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    assert required() <= {name_of(pin) for pin in pins}
