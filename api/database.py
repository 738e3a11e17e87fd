"""The way to the database: read-only, made after fork, and never waited for without end.

What goes wrong there becomes DatabaseUnavailableError, which is a 503; nothing here mends it, for
each new request tries anew, and a connection that died is replaced when it is next used.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import psycopg2.errors
import psycopg2.extensions as pg
import sqlalchemy as sa

from api.admission import Gate
from api.breaker import Breaker, UnansweredError
from api.deadline import present_request
from api.errors import DatabaseUnavailableError
from api.observe import DatabaseFault, note_database_fault
from api.settings import SEARCHING
from schemas.database import make_engine
from schemas.settings import DatabaseSettings
from schemas.waiting import wait_for_answer

CONNECT_SECONDS: Final = 3
STATEMENT_SECONDS: Final = 3
WAIT_SECONDS: Final = 4  # Postgres itself gives up a second earlier, unless it has stopped

# One for each thread that searches, and one more for the readiness probe.
_POOL_SIZE: Final = SEARCHING
_POOL_OVERFLOW: Final = 1
_MORE_TRIES: Final = 2
_RECYCLE_SECONDS: Final = 600  # so that connections move on after a failover or a resize


Answer = TypeVar("Answer")


class SpoiledConnectionError(Exception):
    """A connection told of what was asked before, and may do so again: it is of no more use."""


class Database:
    """A pool of connections, which is made at the first use of it."""

    def __init__(self, settings: DatabaseSettings, *, costly_at_once: int = SEARCHING) -> None:
        self._settings = settings
        self._gate = Gate(costly_at_once, waiting=_waiting_places(costly_at_once))
        self._breaker = Breaker()
        self._engine: sa.Engine | None = None
        self._lock = threading.Lock()

    def ask(self, question: Callable[[sa.Connection], Answer]) -> Answer:
        """Asks a question over a connection. Raises DatabaseUnavailableError, BusyError.

        A connection that died in the pool, or was spoiled, is only noticed by using it, which is
        cheaper than to try each before use. Then the question is asked once more, over another one;
        after a spoiled one twice, for a question that takes just as long as it may spoils several.
        """
        with _unavailability(), self._gate.question():
            for _ in range(_MORE_TRIES):
                with contextlib.suppress(SpoiledConnectionError):
                    return self._ask_unless_dead(question)
            return self._ask_unless_dead(question)

    def ask_movies(self, question: Callable[[sa.Connection], Answer]) -> Answer:
        """Asks like `ask` a question that reads the movies, and rejects it while none is answered.

        Raises DatabaseUnavailableError, BusyError.
        """
        with self._breaker.question() as is_trial:
            if is_trial:
                self.ask(_try_movies)
                self._breaker.close()
            return self.ask(question)

    def _ask_unless_dead(self, question: Callable[[sa.Connection], Answer]) -> Answer:
        try:
            return self._ask_once(question)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._ask_once(question)

    def _ask_once(self, question: Callable[[sa.Connection], Answer]) -> Answer:
        with self._pool().connect() as connection:
            try:
                return question(connection)
            except SpoiledConnectionError as error:
                connection.invalidate(error)
                raise

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _pool(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                self._engine = _make_engine(self._settings)
            return self._engine


def _waiting_places(costly_at_once: int) -> int:
    """Returns how many costly searches may wait: each holds a thread, and cheap ones need one."""
    return max(0, min(costly_at_once, SEARCHING - 1 - costly_at_once))


# Whoever has this asked for him is not kept waiting for a lock that others have waited for.
_TRIAL: Final = "SET LOCAL lock_timeout = '5ms'; SELECT FROM movies LIMIT 0"


def _try_movies(connection: sa.Connection) -> None:
    connection.exec_driver_sql(_TRIAL)


@contextlib.contextmanager
def _unavailability() -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        if isinstance(error.orig, psycopg2.errors.QueryCanceled):
            note_database_fault(DatabaseFault.TIMEOUT)
            raise DatabaseUnavailableError(
                f"The database needed more than {STATEMENT_SECONDS} seconds."
            ) from error
        if isinstance(error.orig, psycopg2.errors.LockNotAvailable):
            note_database_fault(DatabaseFault.TIMEOUT)
            raise UnansweredError("The database is locked for maintenance.") from error
        note_database_fault(DatabaseFault.AWAY)
        raise UnansweredError("The database does not answer.") from error
    except (sa.exc.InterfaceError, SpoiledConnectionError) as error:
        note_database_fault(DatabaseFault.AWAY)
        raise UnansweredError("The database does not answer.") from error
    except sa.exc.TimeoutError as error:
        note_database_fault(DatabaseFault.NO_CONNECTION)
        raise DatabaseUnavailableError("Every connection to the database is in use.") from error


def bound_waits() -> None:
    """Gives every wait for Postgres an end, in this whole process; so it is an entry point's call.

    See `schemas.waiting`.
    """
    pg.set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    request = present_request()
    client = None if request is None or request.client_is_gone else request.client
    deadline = time.monotonic() + WAIT_SECONDS
    if wait_for_answer(connection, deadline, seconds=WAIT_SECONDS, client=client):
        request.client_is_gone = True  # type: ignore[union-attr]  # there is one


def _make_engine(settings: DatabaseSettings) -> sa.Engine:
    return make_engine(
        settings,
        connect_args=_connect_arguments(),
        isolation_level="AUTOCOMMIT",  # single SELECTs need no BEGIN and ROLLBACK around them
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=CONNECT_SECONDS,
        pool_recycle=_RECYCLE_SECONDS,
    )


def _connect_arguments() -> dict[str, Any]:
    # No options: poolers do not take them. What sessions of the API's role have, read-only and the
    # end of a statement's time among it, stands in worker/bounds.py.
    return {
        "application_name": "movies-r-us-api",
        "connect_timeout": CONNECT_SECONDS,
        # A host that vanished answers nothing: these two notice, idle or with a query sent.
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": STATEMENT_SECONDS * 1000,
    }
