"""Locks of Postgres: which worker has which object in hand, and whether imports run side by side.

Any role that may connect can hold such a lock where the server's administrator is no superuser
(worker/bounds.py). So each wait has an end, and its error names who held the lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from worker.errors import ObjectBusyError, TransientError

LOCK_WAIT_SECONDS: Final = 5
TURN_WAIT_SECONDS: Final = 30

_TRY: Final = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_WAIT: Final = sa.text("SELECT pg_advisory_lock(hashtextextended(:name, 0))")

_TURN: Final = 7_106_115_002  # any number, the same in every version
_ALONE: Final = sa.text("SELECT pg_advisory_xact_lock(:key)")
_SHARED: Final = sa.text("SELECT pg_advisory_xact_lock_shared(:key)")

# Also who waits for a lock of its own: those who would share it wait behind that one.
_HOLDERS: Final = sa.text("""
SELECT DISTINCT pid, usename, application_name
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND (granted OR mode = 'ExclusiveLock') AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = :key
ORDER BY pid LIMIT 5
""")
_NAMED: Final = sa.text("SELECT hashtextextended(:name, 0)")


def lock_object(
    connection: sa.Connection, bucket: str, key: str, *, wait_seconds: int = LOCK_WAIT_SECONDS
) -> None:
    """Takes the lock of an object for as long as the connection lives, or until `unlock_object`.

    Raises ObjectBusyError when another worker holds it for longer than `wait_seconds`, at least 1.
    """
    name = {"name": f"{bucket}/{key}"}
    if not connection.execute(_TRY, name).scalar_one():
        _wait_for_lock(connection, name, wait_seconds)


def _wait_for_lock(connection: sa.Connection, name: dict[str, str], wait_seconds: int) -> None:
    connection.execute(sa.text(f"SET LOCAL lock_timeout = '{wait_seconds}s'"))
    try:
        connection.execute(_WAIT, name)
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "pgcode", None) != "55P03":
            raise
        connection.rollback()
        holders = _holders(connection, connection.execute(_NAMED, name).scalar_one())
        busy = f"Another worker has s3://{name['name']} in hand: {holders}."
        raise ObjectBusyError(busy) from error
    finally:
        connection.rollback()  # which ends the time-out; the lock is the session's, and stays


def unlock_object(connection: sa.Connection) -> None:
    """Gives back every lock that the connection took with `lock_object`."""
    connection.rollback()
    connection.execute(sa.text("SELECT pg_advisory_unlock_all()"))
    connection.commit()


@contextmanager
def object_locked(
    connection: sa.Connection, bucket: str, key: str, *, wait_seconds: int = LOCK_WAIT_SECONDS
) -> Iterator[None]:
    """Holds the lock of an object for as long as the block lasts. Raises ObjectBusyError."""
    lock_object(connection, bucket, key, wait_seconds=wait_seconds)
    try:
        yield
    except BaseException:
        connection.invalidate()  # the lock goes with it, whatever state it is in
        raise
    unlock_object(connection)


def take_turn(connection: sa.Connection, *, alone: bool, wait_seconds: int) -> None:
    """Lets a transaction change movies: beside other imports, or `alone`, which keeps them waiting.

    Lasts as long as the transaction. Raises TransientError, with the transaction rolled back, when
    others are in the way for longer than `wait_seconds`.
    """
    connection.execute(sa.text(f"SET LOCAL lock_timeout = '{wait_seconds}s'"))
    try:
        connection.execute(_ALONE if alone else _SHARED, {"key": _TURN})
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "pgcode", None) != "55P03":
            raise
        connection.rollback()
        holders = _holders(connection, _TURN)
        raise TransientError(f"Others hold imports back: {holders}.") from error
    connection.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))


def _holders(connection: sa.Connection, key: int) -> str:
    rows = connection.execute(_HOLDERS, {"key": key}).all()
    named = [f"{row.usename} (pid {row.pid}, {row.application_name or 'no name'})" for row in rows]
    return ", ".join(named) or "it was let go just now"
