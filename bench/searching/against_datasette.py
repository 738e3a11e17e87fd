"""Datasette, which publishes SQLite files with a search page and a JSON API, on the same movies and
in an environment of its own.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import psycopg2

from bench.apart import install_apart
from bench.errors import BenchError
from bench.searching.client import ask_for, request
from bench.searching.questions import Question
from bench.searching.rivals import Match, Ours, ours_a_second
from local import web
from local.console import Files
from local.ports import HOST, listen, port_of
from local.processes import Command, Supervisor

VERSION: Final = "0.65.5"
CONNECTIONS: Final = 4  # it searches in three threads
_BATCH: Final = 10_000
_TABLE: Final = """
CREATE TABLE movies (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, year INTEGER NOT NULL, "cast" TEXT, genres TEXT
)
"""
_ROWS: Final = """
SELECT id::text, title, year, to_json("cast")::text, to_json(genres)::text FROM movies
"""
_COLUMNS: Final = {"title": "title__contains", "actor": "cast__contains"}
# What it would do beside answering, and the second after which it would give up.
SETTINGS: Final = {"suggest_facets": "off", "sql_time_limit_ms": "60000"}


@contextmanager
def running_datasette(dsn: str, folder: Path) -> Iterator[int]:
    """Copies the movies of a database into a file, and serves that; lends the port."""
    program = install_apart("datasette", VERSION) / "datasette"
    file = folder / "movies.db"
    file.unlink(missing_ok=True)
    _write(dsn, file)
    with closing(listen(0, "no variable")) as probe:
        port = port_of(probe)
    settings = [word for pair in SETTINGS.items() for word in ("--setting", *pair)]
    where = ("--host", HOST, "--port", str(port))
    command = Command(
        name="datasette",
        argv=(str(program), "serve", "--immutable", str(file), *where, *settings),
        environment={"HOME": str(folder), "LANG": "C.UTF-8"},
        folder=folder,
    )
    try:
        with Supervisor(Files(folder / "logs")) as supervisor:
            supervisor.start(command)
            ready = f"http://{HOST}:{port}/-/versions.json"
            supervisor.wait_until("datasette", lambda: web.answers(ready))
            yield port
    finally:
        file.unlink()


def match_datasette(
    theirs: int,
    ours: Ours,
    kind: str,
    questions: Sequence[Question],
    *,
    counted: bool,
    seconds: float,
) -> Match:
    """Asks Datasette as many of the questions as the time suffices for, and then the API those."""
    targets = [_target(question, counted=counted) for question in questions]
    _check(theirs, targets[0])
    requests = [request(target) for target in targets]
    turn = ask_for(theirs, requests, connections=CONNECTIONS, seconds=seconds)
    if set(turn.statuses) != {200}:
        raise BenchError(f"Datasette: answers of status {dict(turn.statuses)}")
    asked = questions[: turn.answers]
    rate = ours_a_second(ours, asked, counted=counted, connections=CONNECTIONS, seconds=seconds / 4)
    return Match("Datasette", kind, counted, CONNECTIONS, turn.answers, turn.a_second, rate)


def _target(question: Question, *, counted: bool) -> str:
    filters = [(_COLUMNS[name], value) for name, value in question.terms]
    shape = [("_size", "20"), ("_sort_desc", "year"), ("_shape", "objects")]
    uncounted = [] if counted else [("_nocount", "1")]
    return f"/movies/movies.json?{urlencode([*filters, *shape, *uncounted])}"


def _check(port: int, target: str) -> None:
    """Raises BenchError unless it finds something, which each of these questions does."""
    found = web.ask(f"http://{HOST}:{port}{target}", timeout_seconds=60)
    if found.status != 200 or not json.loads(found.body)["rows"]:
        raise BenchError(f"Datasette found nothing: {found.status} for {target}")


def _write(dsn: str, file: Path) -> None:
    with closing(psycopg2.connect(dsn)) as source, closing(sqlite3.connect(file)) as target:
        target.execute("PRAGMA journal_mode = off")
        target.execute("PRAGMA synchronous = off")
        target.execute(_TABLE)
        with source.cursor("rows") as cursor:  # a named one: the rows come in batches
            cursor.itersize = _BATCH
            cursor.execute(_ROWS)
            target.executemany("INSERT INTO movies VALUES (?, ?, ?, ?, ?)", cursor)
        target.execute("CREATE INDEX movies_by_year ON movies (year)")
        target.execute("ANALYZE")
        target.commit()
