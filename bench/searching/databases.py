"""A Postgres of the benchmark's own, and in it a database for each number of movies.

Loading five million takes minutes; a run that keeps its databases leaves them to the next one. They
are known by their names, which have a mark of what made them: the migrations and the generator.
"""

import dataclasses
import hashlib
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import bench.generate
import worker.migrate
from bench.load import load_movies
from bench.postgres import PASSWORDS, connect, start_postgres
from local.console import Files
from local.database import Dsns, dsns_of, prepare_database
from local.processes import Supervisor

_DRAWN: Final = 4_000

_NEXT: Final = """
SELECT title, year, "cast", genres FROM movies WHERE id >= %s ORDER BY id LIMIT 1
"""
_FOUND: Final = "SELECT EXISTS (SELECT FROM movies WHERE {column} LIKE mru_like(%s))"
_COLUMNS: Final = {"title": "title_folded", "actor": "cast_folded"}


@dataclasses.dataclass(frozen=True)
class Databases:
    """A running Postgres."""

    supervisor: Supervisor
    dsn: str = dataclasses.field(repr=False)  # the superuser's

    def movies(self, size: int) -> tuple[Dsns, float | None]:
        """Returns a database of so many movies, and the seconds it took to load, if it was not
        there.
        """
        name = f"movies_{size}_{_mark()}"
        if self._exists(name):
            return dsns_of(self.dsn, name, PASSWORDS), None
        unfinished = f"loading_{size}"
        began = time.monotonic()
        self._drop(f"movies\\_{size}\\_%")  # made by what has changed since
        self._drop(unfinished)
        dsns = prepare_database(self.dsn, unfinished, PASSWORDS)
        load_movies(dsns.admin, bench.generate.generate(size), ahead=True)
        self._run(f"ALTER DATABASE {unfinished} RENAME TO {name}", "CHECKPOINT")
        return dsns_of(self.dsn, name, PASSWORDS), time.monotonic() - began

    def _drop(self, pattern: str) -> None:
        with closing(connect(self.dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (pattern,))
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _exists(self, name: str) -> bool:
        with closing(connect(self.dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
            return bool(cursor.rowcount)

    def _run(self, *statements: str) -> None:
        with closing(connect(self.dsn)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def running_postgres(folder: Path) -> Iterator[Databases]:
    """Starts Postgres on what is in the folder, if anything, and stops it at the end."""
    with Supervisor(Files(folder / "logs")) as supervisor:
        yield Databases(supervisor, start_postgres(supervisor, folder))


def draw_movies(dsn: str, seed: int) -> list[dict[str, Any]]:
    """Returns some of the stored movies: the same ones for the same seed, however they lie."""
    dice = random.Random(seed)
    names = ("title", "year", "cast", "genres")
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        drawn = []
        for _ in range(_DRAWN):
            cursor.execute(_NEXT, (str(uuid.UUID(int=dice.getrandbits(128))),))
            drawn += cursor.fetchall()
    return [dict(zip(names, row, strict=True)) for row in drawn]


@contextmanager
def misses(dsn: str) -> Iterator[Callable[[str, str], bool]]:
    """Lends a function that tells whether no title, or no actor, contains a term."""
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")

        def is_miss(name: str, term: str) -> bool:
            cursor.execute(_FOUND.format(column=_COLUMNS[name]), (term,))
            return not cursor.fetchone()[0]

        yield is_miss


def _mark() -> str:
    migrations = sorted((Path(worker.migrate.__file__).parent / "migrations").rglob("*.py"))
    digest = hashlib.sha256()
    for path in (*migrations, Path(bench.generate.__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
