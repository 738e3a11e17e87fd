"""`make demo` as a newcomer sees it: it shows the whole road, and leaves nothing behind."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120


def run_demo(folder: Path, **environment: str) -> tuple[int, str, set[psutil.Process]]:
    """Returns the exit code, what was printed, and every process that was ever started."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "local", "demo"],
        env={**os.environ, "MRU_LOCAL_DIR": str(folder), **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen: set[psutil.Process] = set()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while demo.poll() is None:
        assert time.monotonic() < deadline
        with contextlib.suppress(psutil.NoSuchProcess):
            seen |= set(psutil.Process(demo.pid).children(recursive=True))
        time.sleep(0.05)
    printed = demo.communicate()[0]
    return demo.returncode, printed, seen


def alive(processes: set[psutil.Process]) -> list[str]:
    """Returns the commands of those that still run; a zombie runs no more."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


def test_the_demo_shows_the_whole_road_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code, printed, processes = run_demo(tmp_path)
    assert code == 0, printed
    assert "movies.json       succeeded  226 read, 226 inserted" in printed
    assert "bad_records: 9 of 12 records are bad" in printed
    assert "GET /movies?title=The%20Incredibles\n  2004  The Incredibles" in printed
    assert "Traceback" not in printed
    assert len(processes) >= 8  # guardian, Postgres, aws, gunicorn and its two, celery and its two
    assert alive(processes) == []
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["logs"]
    check_one_request_id(tmp_path / "demo" / "logs", "movies.json")


def check_one_request_id(logs: Path, key: str) -> None:
    """Fails unless one id finds all lines about an upload, from the notifier's to the last."""

    def lines(room: str) -> list[dict[str, Any]]:
        written = (logs / f"{room}.log").read_text().splitlines()
        return [json.loads(line) for line in written if line.startswith("{")]

    (sent,) = [line for line in lines("notifier") if line.get("key") == key]
    assert sent["event"] == "notification sent"
    found = {
        room: [
            line["event"] for line in lines(room) if line.get("request_id") == sent["request_id"]
        ]
        for room in ("notifier", "api", "worker")
    }
    assert found == {
        "notifier": ["notification sent"],
        "api": ["import queued", "request served"],
        "worker": ["import succeeded"],
    }
    assert [
        line for line in lines("worker") if "import_id" in line and "request_id" not in line
    ] == []


def test_a_demo_in_which_a_step_fails_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code, printed, processes = run_demo(tmp_path, MRU_MAX_OBJECT_BYTES="10000")
    assert code == 1, printed
    *_, last = printed.splitlines()
    assert last == "error: The import of movies.json says status failed, not succeeded."
    assert "The last lines of worker:" in printed
    assert "object_too_large" in printed
    assert alive(processes) == []
