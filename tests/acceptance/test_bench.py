"""The benchmark in its smallest form: what is quick and needs no network runs, and measures."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 180
PARTS = "limit,path,latency,small-files"


def run_bench(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bench.ingest", "--folder", str(folder / "data"), *words],
        cwd=ROOT,
        env={name: os.environ[name] for name in os.environ if not name.startswith("MRU_")},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def section(report: str, title: str) -> list[list[str]]:
    """The rows of a section's first table, without its head."""
    _, _, rest = report.partition(f"\n## {title}\n\n")
    table = rest.partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def numbers(row: list[str]) -> list[float]:
    return [float(re.sub("[,s ]", "", cell)) for cell in row]


def test_a_small_run_measures_every_part_and_leaves_nothing_behind(tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.md"
    sizes = ("--quick", "--sizes", "500", "--uploads", "2", "--files", "6")
    done = run_bench(tmp_path, "--only", PARTS, *sizes, "--results", str(results))
    assert done.returncode == 0, done.stdout + done.stderr
    report = results.read_text()
    assert "## Not measured" not in report
    (speed,) = section(report, "The whole path against the limit")
    assert numbers(speed)[0] == 500
    (visible,) = section(report, "From PUT to visible")
    assert numbers(visible)[0] == 2
    (small,) = section(report, "Small files")
    assert numbers(small)[0] == 6
    for row in (speed, visible, small):
        assert all(number > 0 for number in numbers(row)), row
    assert not (tmp_path / "data").exists()


def test_too_little_room_is_said_before_anything_is_started(tmp_path: Path) -> None:
    done = run_bench(tmp_path, "--only", "limit", "--sizes", "900_000_000_000")
    assert done.returncode == 1
    assert "GB on the disk" in done.stderr
    assert not (tmp_path / "data").exists()
