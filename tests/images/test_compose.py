"""`docker compose up --build` in a fresh clone: the README's example, three workers, and faults,
after which nothing is lost and nobody has to do anything.
"""

import json
import os
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.builders import as_file, make_records
from tests.images.docker import Container
from tests.images.stack import (
    API,
    Stack,
    example_of_the_readme,
    get,
    get_json,
    kill_hard,
    status_of,
    wait_until,
)

MANY = int(os.environ.get("MRU_COMPOSE_MOVIES", "150000"))
OUTAGE_SECONDS = float(os.environ.get("MRU_OUTAGE_SECONDS", "30"))


def test_the_readmes_example_finds_its_film_within_two_seconds(stack: Stack, clone: Path) -> None:
    wait_until("the API is ready", lambda: status_of(f"{API}/health/ready") == 200)
    upload, search = example_of_the_readme(clone)

    def typed(command: str) -> str:
        return subprocess.run(
            command, cwd=clone, shell=True, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    typed(upload)
    begin = time.monotonic()
    wait_until("it is found", lambda: json.loads(typed(search)))
    seconds = time.monotonic() - begin
    print(f"\nvisible {seconds:.2f} s after the PUT")
    (film,) = json.loads(typed(search))
    assert film["cast"][0] == "Nicolas Cage"
    assert seconds < 2


def test_pages_and_posts_are_answered_and_three_workers_run(stack: Stack) -> None:
    assert len(stack.containers("worker")) == 3
    assert all(worker.state()["Running"] for worker in stack.containers("worker"))
    for path in ("/", "/ui/imports", "/openapi.json", "/docs", "/movies/facets"):
        assert status_of(API + path) == 200, path
    operators = stack.containers("worker")[0].execute("celery", "imports", "status")
    assert operators.returncode == 2  # a command without the app says so
    command = ("celery", "--app", "worker.app", "imports", "list", "--json")
    listed = stack.containers("worker")[0].execute(*command)
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout.splitlines()[0])["key"] == "movies.json"


def busy_worker(stack: Stack) -> Container:
    """Returns the worker whose import has written movies and goes on."""
    writing = (
        "SELECT host(client_addr) FROM pg_stat_activity JOIN pg_locks USING (pid) "
        "WHERE relation = 'movies'::regclass AND mode = 'RowExclusiveLock'"
    )
    wait_until("an import writes", lambda: stack.query(writing))
    address = stack.query(writing)[0][0]
    for worker in stack.containers("worker"):
        if worker.execute("hostname", "-i").stdout.strip() == address:
            return worker
    raise AssertionError(f"no worker has the address {address}")


def test_an_import_whose_worker_is_killed_is_done_whole_and_once_by_itself(stack: Stack) -> None:
    stack.put("killed.json", as_file(make_records(MANY, cast=["Killed"])))
    victim = busy_worker(stack)
    kill_hard(victim)
    begin = time.monotonic()
    done = stack.wait_until_imported("killed.json")
    print(f"\n{MANY:,} records done {time.monotonic() - begin:.0f} s after their worker's loss")
    assert (done["read"], done["inserted"], done["attempts"]) == (MANY, MANY, 2)
    counted = stack.query("SELECT count(*) FROM movies WHERE \"cast\"[1] = 'Killed'")
    assert counted == [[str(MANY)]]
    wait_until("its container is back", lambda: victim.state()["Running"])


def test_nothing_is_lost_while_postgres_is_away(stack: Stack) -> None:
    stack.put("under-way.json", as_file(make_records(MANY, cast=["Under Way"])))
    busy_worker(stack)
    stack.compose("stop", "postgres")
    begin = time.monotonic()
    stack.put("meanwhile.json", as_file(make_records(1, cast=["Meanwhile"])))
    assert status_of(f"{API}/health/live") == 200
    assert status_of(f"{API}/health/ready") == 200
    assert status_of(f"{API}/movies?title=treasure") == 503
    # A file that comes meanwhile is announced and queued: that needs no database.
    time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - begin)))
    stack.compose("start", "postgres")
    for key, records in (("under-way.json", MANY), ("meanwhile.json", 1)):
        done = stack.wait_until_imported(key)
        assert (done["read"], done["inserted"]) == (records, records)
    assert get_json(f"{API}/movies?title=national%20treasure")


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_files_are_imported_again_after_the_emulator_was(stack: Stack, how: str) -> None:
    movies = stack.query("SELECT count(*) FROM movies")
    emulator = stack.one("aws")
    started = emulator.state()["StartedAt"]
    if how == "restarted":
        stack.compose("restart", "aws")
    else:
        kill_hard(emulator)

    def is_back() -> bool:
        state = emulator.state()
        return bool(state["StartedAt"] != started and state["Health"]["Status"] == "healthy")

    wait_until("the emulator is healthy again", is_back)
    assert stack.query("SELECT count(*) FROM movies") == movies
    key, actor = f"emulator-{how}.json", f"Emulator {how}"
    stack.put(key, as_file(make_records(2, cast=[actor])))
    assert stack.wait_until_imported(key)["inserted"] == 2
    assert len(json.loads(get(f"{API}/movies?actor={quote(actor)}"))) == 2
