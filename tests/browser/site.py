"""The site as a browser meets it: the API under gunicorn, over a database with films and imports.

The films are the real ones where they are at hand, otherwise those of the samples; both have the
two films of 1915 that are called Carmen.
"""

import contextlib
import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg2
from psycopg2.extras import execute_values

from local.postgres import Address, Postgres
from schemas.movie import MovieSchema, movie_id
from tests.calling import api_environment
from tests.databases import FAST, make_database, make_template
from tests.gunicorn import Gunicorn

ROOT: Final = Path(__file__).parents[2]
SAMPLES: Final = ROOT / "samples" / "movies.json"
REAL: Final = ROOT.parent / "shared" / "data"


@dataclasses.dataclass(frozen=True)
class Site:
    """Where it is, and a way into its database for whoever plays the worker."""

    url: str
    dsn: str

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        """Changes what the pages show."""
        connection = psycopg2.connect(self.dsn)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
        connection.close()


@contextlib.contextmanager
def running_site(address: Address, files: list[Path], **changes: str) -> Iterator[Site]:
    """Yields a site with the films of some files; `changes` are of the API's settings."""
    with make_database(address) as dsns:
        store(dsns.admin, films_of(files))
        with Gunicorn(api_environment(dsns.api, WEB_CONCURRENCY="1", **changes)) as gunicorn:
            yield Site(f"http://127.0.0.1:{gunicorn.port}", dsns.admin)


@contextlib.contextmanager
def site_of_its_own(files: list[Path]) -> Iterator[Site]:
    """Yields a site with a Postgres of its own, for who is no test."""
    with tempfile.TemporaryDirectory(prefix="mru-site-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "postgres", options=FAST)
        address = server.start()
        try:
            make_template(address)
            with running_site(address, files) as site:
                yield site
        finally:
            server.stop()


def real_files(pattern: str = "movies-*.json") -> list[Path]:
    """Returns files of real films, or that of the samples where there are none."""
    return sorted(REAL.glob(pattern)) or [SAMPLES]


def films_of(files: list[Path]) -> list[dict[str, Any]]:
    """Returns the different films of some files."""
    schema = MovieSchema(many=True)
    films = [film for file in files for film in schema.load(json.loads(file.read_text("utf-8")))]
    return list(
        {movie_id(film["title"], film["year"], film["cast"]): film for film in films}.values()
    )


def store(dsn: str, films: list[dict[str, Any]]) -> None:
    """Stores films as the worker would."""
    rows = [
        (
            str(movie_id(film["title"], film["year"], film["cast"])),
            "00000000-0000-0000-0000-000000000000",
            film["title"],
            film["year"],
            film["cast"],
            film["genres"],
        )
        for film in films
    ]
    genres = {(genre,) for film in films for genre in film["genres"]}
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        execute_values(
            cursor,
            'INSERT INTO movies (id, import_id, title, year, "cast", genres) VALUES %s',
            rows,
            template="(%s, %s, %s, %s, %s::text[], %s::text[])",
            page_size=1000,
        )
        execute_values(cursor, "INSERT INTO genres (name) VALUES %s", sorted(genres))
        cursor.execute("UPDATE data_version SET version = version + 1")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE movies")
    connection.close()
