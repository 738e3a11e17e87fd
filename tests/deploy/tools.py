"""The programs that check what is deployed: where they are, and what is said where one is not.

`make check-deploy` installs what it can into .local/deploy-tools. What it cannot install is left
out, and the tests that need it say so as they skip.
"""

import dataclasses
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "charts" / "movies-r-us"
INFRA: Final = ROOT / "infra"
FOLDERS: Final = ("1-eks", "2-rds", "3-queue", "3-s3-lambda")

INSTALLED: Final = ROOT / ".local" / "deploy-tools"
_PLACES: Final = (
    INSTALLED / "bin",
    INSTALLED / "venv" / "bin",
    INSTALLED / "node_modules" / ".bin",
)
# Beside the project, where it has been given: terraform with a provider that has only the schema.
_OFFLINE: Final = ROOT.parent / "shared" / "tools" / "terraform-offline"


def find(name: str) -> Path:
    """Returns a program's place, or skips the test."""
    for place in _PLACES:
        if os.access(place / name, os.X_OK):
            return place / name
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed, and could not be: see docs/deploy.md, Checks")
    return Path(found)


def run(
    command: Sequence[str | Path], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Runs a program to its end, whatever that is. `env` is added to the environment."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def run_well(command: Sequence[str | Path], *, cwd: Path = ROOT) -> str:
    """Runs a program, which must succeed, and returns what it printed."""
    done = run(command, cwd=cwd)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@dataclasses.dataclass(frozen=True)
class Terraform:
    """A terraform that has the AWS provider's schema, which is all that mocked runs need."""

    program: Path
    offline: bool

    def run(self, folder: Path, *commands: str) -> "subprocess.CompletedProcess[str]":
        """Runs commands one after another, up to the first that fails."""
        if self.offline:
            return run([self.program, folder, *commands])
        script = " && ".join(f'"$0" {command}' for command in commands)
        return run(["sh", "-c", script, self.program], cwd=folder, env=_REAL)


# A provider of 700 MB is downloaded once, and linked to from then on.
_REAL: Final = {
    "CHECKPOINT_DISABLE": "1",
    "TF_IN_AUTOMATION": "1",
    "TF_CLI_ARGS": "-no-color",
    "TF_PLUGIN_CACHE_DIR": str(INSTALLED / "providers"),
    "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
}


@cache
def terraform() -> Terraform:
    """Returns the real terraform and provider, or the stand-in beside the project; or skips."""
    program = find("terraform")
    # Either is prepared by its first use. Of several processes one does that, and others wait.
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "terraform.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trial = _download_provider(program)
        if trial.returncode == 0:
            return Terraform(program, offline=False)
        if _OFFLINE.exists():
            stand_in = Terraform(_OFFLINE, offline=True)
            stand_in.run(INFRA / FOLDERS[-1], "version")
            return stand_in
    assert "Failed to query available provider packages" in trial.stderr, trial.stderr
    pytest.skip("terraform cannot reach its registry, which has the AWS provider")


def _download_provider(program: Path) -> "subprocess.CompletedProcess[str]":
    (INSTALLED / "providers").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mru-provider-") as made:
        folder = Path(made)
        requirements = {"required_providers": {"aws": {"source": "hashicorp/aws"}}}
        (folder / "versions.tf.json").write_text(json.dumps({"terraform": requirements}))
        return Terraform(program, offline=False).run(folder, "init -input=false")
