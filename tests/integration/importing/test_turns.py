"""What the ledger says of an import that was not done at the first try, and who may still do it."""

import contextlib
import itertools
import re
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from schemas.notification import Notification
from tests.builders import as_file, make_records
from tests.databases import PASSWORDS
from tests.short_road import MakeRoad, Road
from worker import locks, presence
from worker.errors import FencedError, LeaseLostError, ObjectBusyError, TransientError
from worker.importing import Outcome
from worker.lease import Turn

LAST = Turn(last=True)


def break_off(road: Road, notification: Notification) -> None:
    """Leaves the ledger as a process does that is killed in the middle of an import."""
    with pytest.raises(LeaseLostError):
        road.importer.run(notification, Turn(lost=lambda: True))


@pytest.mark.parametrize("checks", [1, 2, 3, 4])
def test_an_import_whose_lease_is_lost_stops_before_the_next_batch_and_writes_nothing(
    make_road: MakeRoad, checks: int
) -> None:
    road = make_road(MRU_CHUNK_RECORDS="10")
    notification = road.upload(as_file(make_records(30)))  # three batches, and the end
    answers = iter([*[False] * (checks - 1), True])
    with pytest.raises(LeaseLostError):
        road.importer.run(notification, Turn(lost=lambda: next(answers)))
    assert list(answers) == []
    assert road.movies() == []
    assert road.entry()["status"] == "running"
    assert road.importer.run(notification) is Outcome.SUCCEEDED
    assert road.entry()["attempts"] == 2


def test_an_import_that_was_taken_over_unnoticed_is_fenced_out_at_its_end(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))

    def take_over() -> bool:
        with contextlib.closing(psycopg2.connect(road.dsn)) as other, other.cursor() as cursor:
            cursor.execute("UPDATE imports SET attempts = attempts + 1")
            other.commit()
        return False

    with pytest.raises(FencedError, match="has taken this import over"):
        road.importer.run(notification, Turn(lost=take_over))
    assert road.movies() == []


# Whoever has the lock of an object.
END_HOLDER = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_an_import_that_loses_the_ledgers_session_as_it_commits_is_done(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))
    checks = itertools.count(1)

    def lose_at_the_end() -> bool:
        if next(checks) == 2:  # before the only batch, and before the commit
            assert road.query(END_HOLDER)
        return False

    assert road.importer.run(notification, Turn(lost=lose_at_the_end)) is Outcome.SUCCEEDED
    assert (road.entry()["status"], len(road.movies())) == ("succeeded", 3)
    assert road.importer.run(notification) is Outcome.KNOWN


HOLD_ROWS = "UPDATE movies SET year = year"


def test_an_import_that_meets_a_forgotten_transaction_says_whose_it_is(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "SIGN_SECONDS", 0.2)
    monkeypatch.setattr(presence, "ROW_WAIT_SECONDS", 2)
    road.run(as_file(make_records(3)))
    notification = road.upload(as_file(make_records(3, genres=["War"])), "other.json")
    with contextlib.closing(psycopg2.connect(road.dsn, application_name="psql")) as other:
        other.cursor().execute(HOLD_ROWS)
        with pytest.raises(TransientError) as caught:
            road.importer.run(notification)
        pid = other.info.backend_pid
    holder = rf"postgres \(pid {pid}, psql(, since [-0-9]+ [:0-9]+ \w+)?\)"
    assert re.fullmatch(rf"Somebody holds a lock that it needs: {holder}\.", str(caught.value))
    road.importer.put_off(notification, f"Put off for 15 s: {caught.value}")
    assert f"pid {pid}" in road.entry()["error"]
    assert road.importer.run(notification) is Outcome.SUCCEEDED


def test_a_row_is_waited_for_no_longer_than_half_a_minute() -> None:
    assert presence.ROW_WAIT_SECONDS <= 30


def test_an_import_leaves_its_sessions_as_it_found_them(road: Road) -> None:
    road.run(as_file(make_records(3)))
    shown = "SELECT current_setting('idle_session_timeout'), current_setting('application_name')"
    with (
        road.importer.database.connect() as first,
        road.importer.database.connect() as second,
    ):
        for connection in (first, second):
            assert connection.exec_driver_sql(shown).one() == ("0", "mru-worker")


def test_an_import_that_was_put_off_says_why_until_it_is_done(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))
    break_off(road, notification)
    road.importer.put_off(notification, "Put off for 15 seconds: the weather.")
    entry = road.entry()
    assert (entry["status"], entry["attempts"]) == ("running", 1)
    assert entry["error"] == "Put off for 15 seconds: the weather."
    road.importer.run(notification)
    assert (road.entry()["status"], road.entry()["error"]) == ("succeeded", None)


def test_an_import_that_is_done_is_not_put_off(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))
    road.importer.run(notification)
    road.importer.put_off(notification, "Put off.")
    road.importer.give_up(notification, "It was in vain.")
    assert (road.entry()["status"], road.entry()["error"]) == ("succeeded", None)


def test_an_import_that_never_began_can_be_given_up(road: Road) -> None:
    notification = road.notification("never-there.json")
    road.importer.give_up(notification, "S3 did not answer.")
    entry = road.entry()
    assert (entry["id"], entry["attempts"]) == (str(notification.id), 1)
    assert (entry["status"], entry["error_code"]) == ("failed", "gave_up")
    assert entry["error"] == "Given up: S3 did not answer."


def test_an_import_that_broke_off_at_every_try_is_not_tried_for_the_last_time(
    make_road: MakeRoad,
) -> None:
    road = make_road(MRU_MAX_RECEIVES="3")
    notification = road.upload(as_file(make_records(3)))
    break_off(road, notification)
    break_off(road, notification)
    with pytest.raises(TransientError, match="lost in the middle of attempt 2"):
        road.importer.run(notification, LAST)
    road.importer.give_up(notification, "It costs workers their lives.")
    entry = road.entry()
    assert (entry["status"], entry["error_code"], entry["attempts"]) == ("failed", "gave_up", 2)


def test_an_import_that_was_put_off_at_every_try_is_tried_for_the_last_time(
    make_road: MakeRoad,
) -> None:
    road = make_road(MRU_MAX_RECEIVES="3")
    notification = road.upload(as_file(make_records(3)))
    for _ in range(2):
        break_off(road, notification)
        road.importer.put_off(notification, "Put off.")
    assert road.importer.run(notification, LAST) is Outcome.SUCCEEDED


@contextlib.contextmanager
def held_by_another(road: Road, notification: Notification) -> Iterator[None]:
    """Holds the lock of an object, as a worker that imports it does."""
    name = f"{notification.bucket}/{notification.key}"
    with contextlib.closing(psycopg2.connect(road.dsn)) as other:
        other.cursor().execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (name,))
        yield


def test_no_try_waits_long_for_another_worker_not_even_the_last(make_road: MakeRoad) -> None:
    road = make_road(MRU_TASK_SECONDS="30")
    notification = road.upload(as_file(make_records(3)))
    with held_by_another(road, notification):
        for turn in (Turn(), LAST):
            began = time.monotonic()
            with pytest.raises(ObjectBusyError):
                road.importer.run(notification, turn)
            assert time.monotonic() - began < 10
    assert road.importer.run(notification, LAST) is Outcome.SUCCEEDED


def test_an_import_that_was_only_ever_busy_is_queued_and_can_be_given_up(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))
    with held_by_another(road, notification):
        road.importer.enter_waiting(notification, "Another worker has it.")
        road.importer.enter_waiting(notification, "Another worker still has it.")
        entry = road.entry()
        assert (entry["id"], entry["status"]) == (str(notification.id), "queued")
        assert (entry["attempts"], entry["error"]) == (0, "Another worker still has it.")
        road.importer.give_up(notification, "It was busy.")
    assert (road.entry()["status"], road.entry()["error_code"]) == ("failed", "gave_up")


def test_an_import_that_another_worker_has_open_is_neither_queued_nor_given_up(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))
    break_off(road, notification)
    with held_by_another(road, notification):
        road.importer.enter_waiting(notification, "Another worker has it.")
        road.importer.give_up(notification, "It was busy.")
    assert (road.entry()["status"], road.entry()["error"]) == ("running", None)
    assert road.importer.run(notification) is Outcome.SUCCEEDED


def test_an_import_that_waited_and_was_queued_is_done_as_any_other(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))
    road.importer.enter_waiting(notification, "Another worker has it.")
    assert road.importer.run(notification) is Outcome.SUCCEEDED
    entry = road.entry()
    assert (entry["attempts"], entry["error"], entry["inserted"]) == (1, None, 3)


@contextlib.contextmanager
def held_by_the_apis_role(road: Road, lock: str) -> Iterator[Any]:
    """Holds a lock as the API's role can on RDS, where no administrator can take that right."""
    with contextlib.closing(psycopg2.connect(road.dsn)) as connection:
        connection.autocommit = True
        connection.cursor().execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO mru_api")
    url = make_url(road.dsn).set(username="mru_api", password=PASSWORDS.api)
    dsn = url.render_as_string(hide_password=False)
    with contextlib.closing(psycopg2.connect(dsn, application_name="stranger")) as other:
        other.autocommit = True
        other.cursor().execute(f"SELECT pg_advisory_lock({lock})")
        yield other


def test_an_import_that_others_hold_back_is_put_off_and_says_who_they_are(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "TURN_WAIT_SECONDS", 1)
    notification = road.upload(as_file(make_records(3)))
    with held_by_the_apis_role(road, "7106115002") as other:
        with pytest.raises(TransientError) as caught:
            road.importer.run(notification)
        holder = f"mru_api (pid {other.info.backend_pid}, stranger)"
        assert str(caught.value) == f"Others hold imports back: {holder}."
        assert (road.entry()["status"], road.movies()) == ("running", [])
        road.importer.put_off(notification, f"Put off for 15 s: {caught.value}")
        assert holder in road.entry()["error"]
    assert road.importer.run(notification) is Outcome.SUCCEEDED


def test_an_object_that_somebody_holds_says_who(road: Road) -> None:
    notification = road.upload(as_file(make_records(3)))
    name = f"{notification.bucket}/{notification.key}"
    with held_by_the_apis_role(road, f"hashtextextended('{name}', 0)") as other:
        holder = f"mru_api \\(pid {other.info.backend_pid}, stranger\\)"
        with pytest.raises(ObjectBusyError, match=f"in hand: {holder}\\."):
            road.importer.run(notification)
    assert road.importer.run(notification) is Outcome.SUCCEEDED


def test_the_time_out_of_a_turn_ends_with_the_wait_for_it(road: Road) -> None:
    with road.importer.database.connect() as connection:
        locks.take_turn(connection, alone=False, wait_seconds=1)
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "15min"
