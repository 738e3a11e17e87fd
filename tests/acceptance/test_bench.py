"""The benchmark in its smallest form: what is quick and needs no network runs, and measures."""

import re
from pathlib import Path

from tests.benches import run_bench, section

PARTS = "limit,path,latency,small-files"


def numbers(row: list[str]) -> list[float]:
    return [float(re.sub("[,s ]", "", cell)) for cell in row]


def test_a_small_run_measures_every_part_and_leaves_nothing_behind(tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.md"
    sizes = ("--quick", "--sizes", "500", "--uploads", "2", "--files", "6")
    done = run_bench("bench.ingest", tmp_path, "--only", PARTS, *sizes, "--results", str(results))
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
    done = run_bench("bench.ingest", tmp_path, "--only", "limit", "--sizes", "900_000_000_000")
    assert done.returncode == 1
    assert "GB on the disk" in done.stderr
    assert not (tmp_path / "data").exists()
