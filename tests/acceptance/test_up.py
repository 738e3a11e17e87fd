"""`make up` as a developer uses it: any client can be pointed at it, Ctrl-C ends all of it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.local_stack import DEADLINE_SECONDS, ROOT, get, running_stack, upload, wait_for_import


def test_a_dropped_file_is_found_and_the_database_survives_a_restart(tmp_path: Path) -> None:
    with running_stack(tmp_path) as (environment, stack):
        assert (tmp_path / "stack.env").stat().st_mode & 0o777 == 0o600
        secret = Path(environment["MRU_NOTIFICATION_SECRET_FILE"])
        assert secret.stat().st_mode & 0o777 == 0o600
        upload(environment, ROOT / "samples" / "one-movie.json")
        assert wait_for_import(environment, "one-movie.json")["inserted"] == 1
        movies = get(f"{environment['API_URL']}/movies")
        processes = psutil.Process(stack.pid).children(recursive=True)
        stack.send_signal(signal.SIGINT)
        assert stack.wait(DEADLINE_SECONDS) == 0
        _, alive = psutil.wait_procs(processes, timeout=0)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert not (tmp_path / "stack.env").exists()
    with running_stack(tmp_path) as (environment, _):
        assert get(f"{environment['API_URL']}/movies") == movies
        assert len(movies) == 1
        operator = [sys.executable, "-m", "local", "imports", "list", "--json"]
        told = {**os.environ, "MRU_LOCAL_DIR": str(tmp_path)}
        listed = subprocess.run(operator, env=told, cwd=ROOT, capture_output=True, check=True)
        assert json.loads(listed.stdout)["key"] == "one-movie.json"
    printed = (tmp_path / "output").read_text()
    assert "Movies-r-us is up." in printed
    assert "notifier | " in printed
    assert "Traceback" not in printed


def test_a_process_that_dies_takes_the_stack_down_and_is_named(tmp_path: Path) -> None:
    with running_stack(tmp_path) as (_, stack):
        children = psutil.Process(stack.pid).children(recursive=False)
        worker = next(child for child in children if "celery" in child.cmdline())
        worker.kill()
        assert stack.wait(DEADLINE_SECONDS) == 1
    *_, last = (tmp_path / "output").read_text().splitlines()
    assert last == "error: worker was ended by SIGKILL unexpectedly."
