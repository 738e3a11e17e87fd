"""The eight files of real films, through the whole stack: all of them are found, and counted."""

import contextlib
import time
from pathlib import Path

import psycopg2
import pytest

from tests.local_stack import COUNTED, ROOT, get, running_stack, upload_all

DATA = ROOT.parent / "shared" / "data"


def rows(environment: dict[str, str]) -> dict[str, str]:
    connection = psycopg2.connect(environment["DATABASE_URL"])
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT id::text, xmin::text FROM movies")
        return dict(cursor.fetchall())


def next_second() -> None:
    """Waits until S3's clock, which has whole seconds, shows another one."""
    now = int(time.time())
    while int(time.time()) == now:
        time.sleep(0.01)


def test_real_films_are_found_and_uploading_them_again_rewrites_no_row(tmp_path: Path) -> None:
    files = sorted(DATA.glob("movies-*.json"))
    if not files:
        pytest.skip("The real movie files are not beside the project (../shared/data).")
    with running_stack(tmp_path) as (environment, _):
        first = upload_all(environment, files)
        stored = rows(environment)
        assert len(stored) == 20_328
        assert first == dict.fromkeys(COUNTED, 0) | {
            "read": 20_332,
            "inserted": 20_328,
            "repeated": 4,
        }
        carmens = get(f"{environment['API_URL']}/movies?title=carmen&year=1915")
        casts = {movie["cast"][0] for movie in carmens if movie["title"] == "Carmen"}
        assert casts == {"Geraldine Farrar", "Theda Bara"}

        next_second()
        again = upload_all(environment, files)
        assert again == dict.fromkeys(COUNTED, 0) | {
            "read": 20_332,
            "unchanged": 20_328,
            "repeated": 4,
        }
        assert rows(environment) == stored
