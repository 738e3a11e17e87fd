"""What the benchmark's figures rest on: its files, its watch over memory, and its arithmetic."""

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from backports import zstd

from bench.inputs import FORMATS, make_inputs
from bench.latency import Latency
from bench.memory import watched_memory
from bench.plan import Part, Plan
from schemas.movie import movie_id_digits

MIB = 1024 * 1024


def test_rows_and_files_of_every_format_hold_the_same_movies(tmp_path: Path) -> None:
    with make_inputs(tmp_path / "inputs", 1_500) as inputs:
        plain, packed, tight = (inputs.file(form).read_bytes() for form in FORMATS)
        rows = inputs.rows.read_text().rstrip("\n").split("\n")
    movies = json.loads(plain)
    assert gzip.decompress(packed) == plain
    assert zstd.decompress(tight) == plain
    assert not (tmp_path / "inputs").exists()
    ids = [movie_id_digits(movie["title"], movie["year"], movie["cast"]) for movie in movies]
    assert [row.split("\t")[0] for row in rows] == ids
    assert len(set(ids)) == 1_500
    assert {len(row.split("\t")) for row in rows} == {6}


def test_the_peak_includes_what_a_child_holds() -> None:
    child = f"memory = bytearray({64 * MIB}); print(flush=True); input()"
    parent = (
        "import subprocess, sys;"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]]); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent, child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()  # the child has it
        with watched_memory(process.pid) as peak:
            deadline = time.monotonic() + 10
            while peak.samples < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
        process.stdin.close()
    assert 64 * MIB < peak.pss <= peak.rss < 200 * MIB


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 5), (0.9, 9), (0.99, 10), (1.0, 10)])
def test_a_percentile_is_a_time_that_was_measured(share: float, seconds: float) -> None:
    times = (10, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert Latency(times, cold_seconds=0, stages={}).percentile(share) == seconds


def test_only_a_whole_run_is_published() -> None:
    assert Plan.parse([]).results.name == "RESULTS.md"
    for words in (["--quick"], ["--only", "limit"], ["--sizes", "20000"]):
        assert Plan.parse(words).results.name == "bench-results.md"


def test_small_sizes_are_repeated_and_dlt_ends_at_a_million() -> None:
    plan = Plan.parse([])
    assert [plan.repeats_of(size) for size in plan.sizes] == [3, 3, 1, 1]
    assert [plan.has(Part.DLT, size) for size in plan.sizes] == [True, True, True, False]
    assert [plan.has(Part.MEMORY, size) for size in plan.sizes] == [False, False, True, True]


@pytest.mark.parametrize("words", [["--only", "speed"], ["--sizes", "0"], ["--sizes", "many"]])
def test_a_wrong_argument_ends_the_run(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        Plan.parse(words)
    assert words[0] in capsys.readouterr().err
