"""Which worker has which object in hand: a lock in Postgres, held by a session and gone with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from worker.errors import ObjectBusyError

LOCK_WAIT_SECONDS: Final = 5

_TRY: Final = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_WAIT: Final = sa.text("SELECT pg_advisory_lock(hashtextextended(:name, 0))")


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
        raise ObjectBusyError(f"Another worker has s3://{name['name']} in hand.") from error
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
