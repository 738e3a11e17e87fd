"""The benchmark of searches in its smallest form: what needs no network runs, and measures."""

import re
from pathlib import Path

from bench.searching.databases import running_postgres
from bench.searching.questions import KINDS
from bench.searching.throughput import (
    CONNECTIONS,
    EACH_NEW,
    KNOWN,
    ONE_PAGE,
    UNCOUNTED,
)
from local.folder import wipe
from tests.benches import run_bench, section

PAGES = (EACH_NEW, UNCOUNTED, ONE_PAGE, KNOWN)


def number(cell: str) -> float:
    return float(re.sub("[,s ]", "", cell))


def test_a_small_run_measures_every_part_and_leaves_nothing_behind(tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.md"
    parts = ("--only", "latency,throughput,ilike")
    small = ("--quick", "--sizes", "2000", "--questions", "3", "--seconds", "0.1")
    done = run_bench("bench.search", tmp_path, *parts, *small, "--results", str(results))
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


def test_movies_that_were_kept_are_found_by_the_next_run(tmp_path: Path) -> None:
    try:
        with running_postgres(tmp_path) as databases:
            loaded, seconds = databases.movies(500)
            assert seconds is not None
            assert databases.movies(500) == (loaded, None)
        with running_postgres(tmp_path) as databases:
            assert databases.movies(500)[1] is None
    finally:
        wipe(tmp_path)
