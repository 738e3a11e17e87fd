"""Terraform with no registry and no account: plans of a folder, or of a spoiled copy of it."""

import dataclasses
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from tests.deploy.rules import Plan
from tests.deploy.tools import INFRA, offline_terraform, run

# A plan wants a backend that it can reach; the real one is told at `terraform init`.
_LOCAL_BACKEND: Final = 'terraform {\n  backend "local" {}\n}\n'
_VARIABLE: Final = re.compile(r'^variable "(\w+)"', re.MULTILINE)
_PLAN: Final = "plan -input=false -refresh=false -out=plan.bin -var-file=check.tfvars.json"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What terraform made of a folder. `plan` is None where it did not come to one."""

    ok: bool
    output: str
    plan: Plan | None


def check(folder: str, archive: Path, *, changes: tuple[str, str, str] | None = None) -> Outcome:
    """Runs init, validate, test and plan on a copy of a folder.

    `changes` spoils the copy: a file in it, a text, and what to put in its place.
    """
    program = offline_terraform()
    with tempfile.TemporaryDirectory(prefix="mru-infra-") as made:
        infra = Path(made) / "infra"
        (Path(made) / "build").mkdir()
        shutil.copy(archive, Path(made) / "build" / "notifier.zip")
        shutil.copytree(INFRA, infra, ignore=shutil.ignore_patterns(".terraform*", "plan.*"))
        work = infra / folder
        (work / "backend_override.tf").write_text(_LOCAL_BACKEND)
        _write_variables(work)
        if changes is not None:
            _spoil(work, *changes)
        commands = ["init -input=false", "validate", _PLAN, "show -json plan.bin > plan.json"]
        if changes is None:
            commands.insert(2, "test")  # of a spoiled copy the plan tells as much, and sooner
        done = run([program, work, *commands])
        file = work / "plan.json"
        text = file.read_text() if file.exists() else ""
        plan = Plan(json.loads(text)) if text.startswith("{") else None
        return Outcome(done.returncode == 0, done.stdout + done.stderr, plan)


def _write_variables(folder: Path) -> None:
    """Writes those of the example's variables that the folder knows."""
    example = json.loads((INFRA / "example.tfvars.json").read_text("utf-8"))
    declared = _VARIABLE.findall((folder / "variables.tf").read_text("utf-8"))
    given = {name: value for name, value in example.items() if name in declared}
    (folder / "check.tfvars.json").write_text(json.dumps(given))


def _spoil(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert before in text, f"{file} has no {before!r} to spoil"
    path.write_text(text.replace(before, after), encoding="utf-8")
