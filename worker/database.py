"""The worker's connections: opened when first used, in the process that uses them, and kept.

A lost database shows as TransientError, whichever statement notices it.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from schemas.database import make_engine
from schemas.settings import DatabaseSettings
from worker.errors import DatabaseError, TransientError, one_line

# What passes by itself, by classes of SQLSTATE: of the server (connection, resources, operator,
# system), and of what one import met there (rollback, a lock, a statement that was cancelled).
_READ_ONLY: Final = "25006"
_SERVER: Final = ("08", _READ_ONLY, "53", "57", "58")
_ITS_OWN: Final = ("40", "55P03", "57014")
_CONNECT_ARGUMENTS: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # A server that vanished without a word, as in a failover, acknowledges nothing any more; by
    # itself the kernel would go on sending for a quarter of an hour.
    "tcp_user_timeout": 60_000,
    "application_name": "mru-worker",
}


class DeadlockError(TransientError):
    """Two imports waited for each other's movies, and Postgres chose this one to give way."""


@dataclasses.dataclass(frozen=True)
class Database:
    """One process' way to the database. `engine` keeps two connections at the most."""

    engine: sa.Engine

    @classmethod
    def at(cls, settings: DatabaseSettings) -> "Database":
        """Returns a way to the database; connects to nothing yet."""
        return cls(
            make_engine(
                settings,
                pool_size=2,
                max_overflow=0,
                pool_timeout=10,
                pool_pre_ping=True,
                pool_recycle=900,
                connect_args=_CONNECT_ARGUMENTS,
            )
        )

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Lends a connection. What was not committed at the end is rolled back.

        Raises TransientError or DeadlockError for what time can mend.
        """
        try:
            with self.engine.connect() as connection, _replaced_if_read_only(connection):
                yield connection
        except (DBAPIError, sa.exc.TimeoutError, psycopg2.Error) as error:
            if _code(error) == _READ_ONLY:
                # A failover: old sessions lead to the reader for as long as they live.
                self.engine.dispose()
            raise passing_or_same(error) from error


@contextmanager
def _replaced_if_read_only(connection: sa.Connection) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, psycopg2.Error) as error:
        if _code(error) == _READ_ONLY:
            connection.invalidate()
        raise


def _code(error: BaseException) -> str | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "pgcode", None)


def passing_or_same(error: Exception) -> Exception:
    """Returns a TransientError for a database error that passes, any other error as it is."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, psycopg2.errors.DeadlockDetected):
        return DeadlockError("Postgres ended a deadlock with another import.")
    code = _code(error)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    no_answer = code is None and isinstance(
        original, psycopg2.OperationalError | psycopg2.InterfaceError | sa.exc.TimeoutError
    )
    reason = f"The database did not serve: {one_line(error)}"
    if code and code.startswith(_ITS_OWN):
        return TransientError(reason)
    if lost or no_answer or (code and code.startswith(_SERVER)):
        return DatabaseError(reason)
    return error
