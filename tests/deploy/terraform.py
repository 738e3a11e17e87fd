"""Terraform with no account: plans of a folder, or of a spoiled copy of it.

The plan is that of a test run with a mocked provider: it needs the schema of the provider, but no
credentials, and no answer from AWS.
"""

import dataclasses
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.deploy.rules import Plan
from tests.deploy.tools import INFRA, terraform

_VARIABLE: Final = re.compile(r'^variable "(\w+)"', re.MULTILINE)
_TEST: Final = "tests/check.tftest.json"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What terraform made of a folder. `plan` is None where it did not come to one."""

    ok: bool
    output: str
    plan: Plan | None


def check(folder: str, archive: Path, *, changes: tuple[str, str, str] | None = None) -> Outcome:
    """Runs init, validate and test on a copy of a folder.

    `changes` spoils the copy: a file in it, a text, and what to put in its place.
    """
    program = terraform()
    with tempfile.TemporaryDirectory(prefix="mru-infra-") as made:
        infra = Path(made) / "infra"
        (Path(made) / "build").mkdir()
        shutil.copy(archive, Path(made) / "build" / "notifier.zip")
        shutil.copytree(INFRA, infra, ignore=shutil.ignore_patterns(".terraform", "plan.*"))
        work = infra / folder
        _write_test(work)
        test = "test -json -verbose"
        if changes is not None:
            _spoil(work, *changes)
            test += f" -filter={_TEST}"  # the folder's own tests add nothing but time
        done = program.run(work, "init -backend=false -input=false", "validate", test)
        return Outcome(done.returncode == 0, done.stdout + done.stderr, _plan(done.stdout))


def _write_test(folder: Path) -> None:
    """Writes a test that plans with those of the example's variables that the folder knows."""
    example = json.loads((INFRA / "example.tfvars.json").read_text("utf-8"))
    declared = _VARIABLE.findall((folder / "variables.tf").read_text("utf-8"))
    account = {"defaults": {"account_id": example["account_id"]}}
    test = {
        "mock_provider": {"aws": {"mock_data": {"aws_caller_identity": account}}},
        "variables": {name: value for name, value in example.items() if name in declared},
        "run": {"example": {"command": "plan"}},
    }
    (folder / _TEST).write_text(json.dumps(test))


def _plan(output: str) -> Plan | None:
    """Returns the plan of the run above, of which terraform prints a line of JSON."""
    for line in output.splitlines():
        if line.startswith("{"):
            event: dict[str, Any] = json.loads(line)
            if event["type"] == "test_plan" and event["@testfile"] == _TEST:
                return Plan(event["test_plan"])
    return None


def _spoil(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert before in text, f"{file} has no {before!r} to spoil"
    path.write_text(text.replace(before, after), encoding="utf-8")
