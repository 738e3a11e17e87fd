"""Which worker has which object in hand: a lock in Postgres, held by a session and gone with it."""

from typing import Final

import sqlalchemy as sa

from worker.errors import ObjectBusyError

LOCK_WAIT_SECONDS: Final = 5


def lock_object(
    connection: sa.Connection, bucket: str, key: str, *, wait_seconds: int = LOCK_WAIT_SECONDS
) -> None:
    """Takes the lock of an object for as long as the connection lives, or until `unlock_object`.

    Raises ObjectBusyError when another worker holds it for longer than `wait_seconds`, at least 1.
    """
    connection.execute(sa.text(f"SET lock_timeout = '{wait_seconds}s'"))
    try:
        connection.execute(
            sa.text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"),
            {"name": f"{bucket}/{key}"},
        )
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "pgcode", None) != "55P03":
            raise
        raise ObjectBusyError(f"Another worker has s3://{bucket}/{key} in hand.") from error
    finally:
        connection.rollback()
    connection.execute(sa.text("SET lock_timeout = 0"))


def unlock_object(connection: sa.Connection) -> None:
    """Gives back every lock that the connection took with `lock_object`."""
    connection.rollback()
    connection.execute(sa.text("SELECT pg_advisory_unlock_all()"))
    connection.commit()
