"""The programs that check what is deployed: where they are, and what is said where one is not.

`make check-deploy` installs what it can into .local/deploy-tools. What it cannot install is left
out, and the tests that need it say so as they skip.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
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
# Beside the project, where it has been given: a terraform that needs no registry of providers.
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


def run(command: Sequence[str | Path], *, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Runs a program to its end, whatever that is."""
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )


def run_well(command: Sequence[str | Path], *, cwd: Path = ROOT) -> str:
    """Runs a program, which must succeed, and returns what it printed."""
    done = run(command, cwd=cwd)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def offline_terraform() -> Path:
    """Returns the terraform that needs no registry, or skips the test."""
    find("terraform")
    if not _OFFLINE.exists():
        pytest.skip(
            "no terraform-offline beside the project: providers would have to be downloaded"
        )
    return _OFFLINE
