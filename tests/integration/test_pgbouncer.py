"""The API and the worker behind pgbouncer, a real one: the API's pool is in transaction mode."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from local.database import Dsns, environment_of
from schemas.settings import DatabaseSettings, Environment
from tests.builders import as_file, make_records
from tests.calling import api_environment
from tests.gunicorn import Gunicorn
from tests.poolers import MISSING, PROGRAM, SHARED, pooled
from tests.rig import wait_until
from tests.road import make_road
from tests.uploads import check_imported_once, hold_up, put_movies, wait_until_written
from worker import locks, presence
from worker.database import Database

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)

PATHS = (
    "/movies?title=film&actor=somebody%203",
    "/movies?genre=adventure&sort=title&limit=3",
    "/movies/facets?title=film",
    "/suggest?term=film",
    "/imports",
    "/health/ready",
)
API_SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'mru_api'
"""


def test_files_are_imported_and_found_through_pgbouncer(
    aws: str, database: Dsns, tmp_path: Path
) -> None:
    with (
        pooled(database) as ways,
        make_road(aws, ways, tmp_path) as road,
        Gunicorn(api_environment(ways.api, WEB_CONCURRENCY="2")) as api,
    ):
        with road.running_worker(MRU_CONCURRENCY="2"):
            for number in range(6):
                body = as_file(make_records(30, cast=[f"somebody {number}"]))
                road.announce(road.upload(body, f"{number}.json"))
            road.wait_until_imported(6)
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(lambda path: api.ask("GET", path), PATHS * 20))
        ((sessions,),) = road.query(API_SESSIONS)
    assert {status for status, _, _ in answers} == {200}
    assert {headers["X-Total-Count"] for _, headers, _ in answers[:: len(PATHS)]} == {"30"}
    assert sessions == SHARED  # eight threads of two processes had no more


def test_an_import_that_takes_long_keeps_its_sessions_behind_pgbouncer(
    aws: str, database: Dsns, tmp_path: Path
) -> None:
    with pooled(database) as ways, make_road(aws, ways, tmp_path) as road:
        upload = put_movies(road)
        gate = hold_up(road, upload)
        with road.running_worker(MRU_CHUNK_RECORDS="10"):
            road.announce(upload.notification)
            wait_until_written(road)
            time.sleep(2.5 * presence.SIGN_SECONDS)  # two signs of life
            gate.open()
            check_imported_once(road, upload)


def test_what_the_roles_sessions_have_comes_through_pgbouncer(database: Dsns) -> None:
    names = ("transaction_read_only", "statement_timeout", "jit", "work_mem")
    with pooled(database) as ways, contextlib.closing(psycopg2.connect(ways.api)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
        assert cursor.fetchone() == ("on", "3s", "off", "32MB")


def test_the_lock_of_a_lost_worker_is_freed_only_in_session_mode(database: Dsns) -> None:
    with pooled(database) as ways, contextlib.closing(psycopg2.connect(database.admin)) as admin:
        admin.autocommit = True
        lock_and_vanish(ways.worker)
        wait_until("the lock is free", lambda: locked_objects(admin) == 0)
        # Why a worker must not go the API's way: what it leaves behind stays with the pool.
        url = make_url(ways.worker).set(database=make_url(database.api).database)
        shared = url.render_as_string(hide_password=False)
        lock_and_vanish(shared)
        with contextlib.closing(psycopg2.connect(shared)) as another:
            another.cursor().execute("SELECT 1")
            another.commit()
        assert locked_objects(admin) == 1


def lock_and_vanish(dsn: str) -> None:
    """Locks an object as a worker does, and leaves as one that is killed."""
    worker = Database.at(DatabaseSettings.read(Environment(environment_of(dsn))))
    with worker.connect() as connection:
        locks.lock_object(connection, "bucket", "key")
        connection.commit()
        connection.invalidate()


def locked_objects(admin: Any) -> int:
    cursor = admin.cursor()
    cursor.execute("""
        SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE locktype = 'advisory' AND datname = current_database()
    """)
    (count,) = cursor.fetchone()
    return int(count)
