"""Every dependency is pinned by version and hash, and the decision record says why it is there."""

import configparser
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import pins

ROOT: Final = Path(__file__).parents[2]
RECORD: Final = ROOT / "docs" / "adr" / "0008-dependencies.md"
SETS: Final = sorted(file.stem for file in pins.FOLDER.glob("*.txt"))
DEPLOYED: Final = ("api", "worker", "emulator")


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def required(*extras: str) -> set[str]:
    """Returns what setup.cfg asks for, with these extras or with all of them."""
    every = setup()["options.extras_require"]
    lines = [setup()["options"]["install_requires"], *(every[name] for name in extras or every)]
    return names("\n".join(lines))


def names(lines: str) -> set[str]:
    asked = [line for line in lines.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(Requirement(line).name) for line in asked}


def asked_for(name: str) -> set[str]:
    return names((pins.FOLDER / f"{name}.in").read_text("utf-8"))


def test_every_dependency_has_its_reason_and_every_reason_its_dependency() -> None:
    reasons = re.findall(
        r"^\| ([a-z][\w.-]*) \|.*\| (.+) \|$", RECORD.read_text("utf-8"), re.MULTILINE
    )
    known = {canonicalize_name(name) for name, _ in reasons} - {"package"}
    tools = {name for file in pins.FOLDER.glob("*.in") for name in asked_for(file.stem)}
    assert known == required() | tools


@pytest.mark.parametrize("name", SETS)
def test_every_package_has_one_version_and_hashes(name: str) -> None:
    found = pins.read(name)
    assert found
    for pin in found:
        assert re.fullmatch(r"==[\w.]+", str(pin.requirement.specifier)), pin
        assert pin.hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in pin.hashes), pin


@pytest.mark.parametrize("name", SETS)
def test_no_file_names_an_index(name: str) -> None:
    text = (pins.FOLDER / f"{name}.txt").read_text("utf-8")
    assert re.findall(r"://|--(?:extra-)?index|--find-links|--trusted-host", text) == []


@pytest.mark.parametrize("name", DEPLOYED)
def test_what_is_deployed_has_the_versions_that_are_tested(name: str) -> None:
    assert pins.versions(name).items() <= pins.versions("development").items()


def test_each_file_has_what_setup_cfg_asks_for() -> None:
    for name, wanted in {
        "development": required(),
        "api": required("api", "otel"),
        "worker": required("worker", "otel"),
    }.items():
        assert wanted - {pin.name for pin in pins.read(name)} == set(), name


def test_each_file_has_what_its_source_asks_for() -> None:
    for file in pins.FOLDER.glob("*.in"):
        assert asked_for(file.stem) - {pin.name for pin in pins.read(file.stem)} == set(), file


def test_the_emulator_has_nothing_that_the_local_stack_does_not_have() -> None:
    assert asked_for("emulator") <= required("api", "local")


def test_what_builds_the_package_is_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lines = (pins.FOLDER / "build.in").read_text("utf-8").splitlines()
    asked = [line for line in lines if not line.startswith("#")]
    assert asked == project["build-system"]["requires"]
