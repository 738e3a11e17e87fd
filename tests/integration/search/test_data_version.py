"""The version of the data changes with each import, in the moment of its commit."""

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg2
import psycopg2.extensions as pg
import pytest
import sqlalchemy as sa

from api import queries
from local.database import Dsns
from schemas.imports import OnError
from schemas.notification import Notification
from tests.builders import as_file, make_record
from tests.searching import Search
from tests.short_road import open_road
from worker import data_version, ledger
from worker.importing import Outcome
from worker.objects import ObjectVersion

COUNTS = dict.fromkeys(("inserted", "updated", "unchanged", "stale", "repeated"), 0)
PATIENCE_SECONDS = 30


@pytest.fixture
def search(database: Dsns) -> Iterator[Search]:
    search = Search(database.api)
    yield search
    search.database.close()


def version(search: Search) -> int:
    return search.database.ask(queries.data_version)


def worker_connection(database: Dsns) -> sa.Connection:
    url = sa.make_url(database.worker).set(drivername="postgresql+psycopg2")
    return sa.create_engine(url, poolclass=sa.NullPool).connect()


def opened(connection: sa.Connection, key: str) -> ledger.Entry:
    now = datetime.now(UTC)
    announced = Notification(id=uuid.uuid4(), bucket="movies", key=key)
    found = ObjectVersion(
        bucket="movies", key=key, version_id="", etag=key, last_modified=now, size=1
    )
    return ledger.open_entry(
        connection, announced, found, import_id=announced.id, on_error=OnError.FAIL
    )


def test_every_import_changes_the_version_and_no_failed_one(
    database: Dsns, search: Search, aws: str, bucket: str
) -> None:
    road = open_road(aws, bucket, database)
    versions = [version(search)]
    for number in range(3):
        assert road.run(as_file([make_record()]), f"{number}.json") is Outcome.SUCCEEDED
        versions.append(version(search))
    assert len(set(versions)) == 4
    assert road.run(b"no JSON", "bad.json") is Outcome.FAILED
    assert version(search) == versions[-1]


def test_the_version_changes_with_the_commit_and_not_before(database: Dsns, search: Search) -> None:
    before = version(search)
    with worker_connection(database) as connection:
        entry = opened(connection, "a.json")
        ledger.succeed(connection, entry, COUNTS, ledger.Details())
        assert version(search) == before
        connection.rollback()
        assert version(search) == before
        ledger.succeed(connection, entry, COUNTS, ledger.Details())
        data_version.commit_new_version(connection)
        assert version(search) != before
        driver = connection.connection.dbapi_connection
        assert driver is not None
        assert driver.info.transaction_status == pg.TRANSACTION_STATUS_IDLE


def test_imports_that_commit_in_another_order_than_they_began_each_make_a_version(
    database: Dsns, search: Search
) -> None:
    versions = [version(search)]
    with worker_connection(database) as first, worker_connection(database) as second:
        began_first, began_second = opened(first, "a.json"), opened(second, "b.json")
        for connection, entry in ((second, began_second), (first, began_first)):
            ledger.succeed(connection, entry, COUNTS, ledger.Details())
            data_version.commit_new_version(connection)
            versions.append(version(search))
    assert len(set(versions)) == 3


def test_imports_that_end_together_wait_for_each_others_commit_alone(
    database: Dsns, search: Search
) -> None:
    before = version(search)
    with worker_connection(database) as one, worker_connection(database) as other:
        theirs = opened(other, "b.json")
        one.exec_driver_sql("UPDATE data_version SET version = version + 1")

        def end_too() -> None:
            ledger.succeed(other, theirs, COUNTS, ledger.Details())
            data_version.commit_new_version(other)

        ending = threading.Thread(target=end_too, daemon=True)
        ending.start()
        wait_until_one_waits(database)
        one.commit()
        ending.join(PATIENCE_SECONDS)
        assert not ending.is_alive()
    assert version(search) == before + 2


def wait_until_one_waits(database: Dsns) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg2.connect(database.admin) as connection, connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT query FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            waiting = cursor.fetchall()
            if waiting:
                assert "data_version" in waiting[0][0]
                break
            connection.rollback()
    connection.close()
    assert waiting
