"""The benchmarks as programs, for tests that run them in their smallest form."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_DEADLINE_SECONDS: Final = 180


def run_bench(module: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs a benchmark, with its data in the folder `data` of another."""
    return subprocess.run(
        [sys.executable, "-m", module, "--folder", str(folder / "data"), *words],
        cwd=_ROOT,
        env={name: os.environ[name] for name in os.environ if not name.startswith("MRU_")},
        capture_output=True,
        text=True,
        timeout=_DEADLINE_SECONDS,
        check=False,
    )


def section(report: str, title: str) -> list[list[str]]:
    """Returns the rows of the first table under a heading that begins so, without its head."""
    _, _, rest = report.partition(f"\n## {title}")
    table = rest.split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
