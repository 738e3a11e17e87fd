"""The benchmark of searches in its smallest form: what needs no network runs, and measures."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.searching.questions import KINDS
from bench.searching.throughput import (
    CONNECTIONS,
    EACH_NEW,
    KNOWN,
    ONE_PAGE,
    UNCOUNTED,
)

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 180
PAGES = (EACH_NEW, UNCOUNTED, ONE_PAGE, KNOWN)


def run_bench(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bench.search", "--folder", str(folder / "data"), *words],
        cwd=ROOT,
        env={name: os.environ[name] for name in os.environ if not name.startswith("MRU_")},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def section(report: str, title: str) -> list[list[str]]:
    """The rows of the first table under a heading that begins so, without its head."""
    _, _, rest = report.partition(f"\n## {title}")
    table = rest.split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def number(cell: str) -> float:
    return float(re.sub("[,s ]", "", cell))


def test_a_small_run_measures_every_part_and_leaves_nothing_behind(tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.md"
    parts = ("--only", "latency,throughput,ilike")
    small = ("--quick", "--sizes", "2000", "--questions", "3", "--seconds", "0.1")
    done = run_bench(tmp_path, *parts, *small, "--results", str(results))
    assert done.returncode == 0, done.stdout + done.stderr
    report = results.read_text()
    assert "## Not measured" not in report
    times = section(report, "One search, 2,000 movies")
    assert [row[0] for row in times] == [kind.label for kind in KINDS]
    assert all(number(cell) > 0 for row in times for cell in row[1:8]), times
    rates = section(report, "Searches a second")
    assert {(row[0], number(row[1])) for row in rates} == {
        (page, connections) for page in PAGES for connections in CONNECTIONS
    }
    assert all(number(cell) > 0 for row in rates for cell in row[2:5]), rates
    matches = section(report, "Against Datasette")
    assert [row[0] for row in matches] == ["ILIKE"] * 3
    goals = section(report, "The goals")
    (answers,) = (goal for goal in goals if "every answer in time, and right" in goal[0])
    assert answers[3] == "yes", answers
    assert not (tmp_path / "data").exists()
