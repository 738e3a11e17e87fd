"""Signs of life: a worker that shows none for a while loses its sessions, and with them its locks.

A worker may be frozen, or only its connection, while its host and every proxy still answer for it:
no keepalive notices that. So Postgres ends the sessions of an import that are silent for 40
seconds, and a thread keeps the ledger's from being so. The same thread looks after the other one,
on which the movies are written: whether it is still there, and who holds it up. See ADR 18.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg2
import sqlalchemy as sa
import structlog

from worker.errors import TransientError, one_line

SILENT_SECONDS: Final = 40
ROW_WAIT_SECONDS: Final = 30  # for rows of an import, or of somebody's forgotten transaction
SIGN_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 30  # after which the connection is taken for frozen

_TIMED: Final = ("idle_session_timeout", "idle_in_transaction_session_timeout")
_BE_ENDED: Final = "; ".join(f"SET {name} = '{SILENT_SECONDS}s'" for name in _TIMED)
_AS_BEFORE: Final = "; ".join(f"RESET {name}" for name in _TIMED)
# SET LOCAL: gone with the transaction, and so before the pool lends the session to another import.
_WORK: Final = sa.text(f"""
SELECT pg_backend_pid(),
    set_config('application_name', 'mru-worker ' || hashtextextended(:name, 0), true),
    set_config('idle_in_transaction_session_timeout', '{SILENT_SECONDS}s', true),
    set_config('lock_timeout', :row_wait, true)
""")
# Found first and ended then: Postgres may test the conditions of one WHERE in any order.
_END_LEFT_OVER: Final = sa.text("""
WITH left_over AS MATERIALIZED (
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'mru-worker ' || hashtextextended(:name, 0)
        AND usename = current_user AND datname = current_database()
)
SELECT pid FROM left_over WHERE pg_terminate_backend(pid)
""")

# What Postgres shows of sessions it keeps for the length of a transaction, unless told otherwise.
_SIGN: Final = """
SELECT pg_stat_clear_snapshot();
SELECT work.pid IS NULL,
    CASE WHEN work.state = 'active' AND work.wait_event = 'ClientRead'
        AND clock_timestamp() - work.state_change > make_interval(secs => %s)
        THEN pg_terminate_backend(work.pid) END,
    (
        SELECT string_agg(format('%%s (pid %%s, %%s%%s)', usename, pid,
            coalesce(nullif(application_name, ''), 'no name'),
            to_char(xact_start, '", since "YYYY-MM-DD HH24:MI:SS TZ')), ', ')
        FROM pg_stat_activity
        WHERE work.wait_event_type = 'Lock' AND pid = ANY (pg_blocking_pids(work.pid))
    )
FROM (VALUES (%s::int)) AS wanted (pid) LEFT JOIN pg_stat_activity AS work USING (pid)
"""

log = structlog.get_logger(__name__)


class Presence:
    """One import's sessions, while it holds its object's lock."""

    def __init__(self, ledger: sa.Connection, name: str) -> None:
        self._ledger = _driver(ledger)
        self._name = name
        self._work: Any = None
        self._pid = 0
        self._held_up_by: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._show_signs, name="presence", daemon=True)

    def start(self) -> None:
        """Begins to show signs on the ledger's session."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and waits for it."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def working(self) -> Iterator[Callable[[sa.Connection], None]]:
        """Yields what is to be called with the connection of the movies, once it has begun.

        Raises TransientError, which names who holds the lock, where a row was not to be had.
        """
        try:
            yield self._begin
        except TransientError as error:
            if _is_lock_timeout(error.__cause__) and self._held_up_by:
                held = f"Somebody holds a lock that it needs: {self._held_up_by}."
                raise TransientError(held) from error
            raise
        finally:
            self._work = None

    def _begin(self, work: sa.Connection) -> None:
        limits = {"name": self._name, "row_wait": f"{ROW_WAIT_SECONDS}s"}
        # Asked for: what the driver knows may be a number that pgbouncer made up.
        self._pid = work.execute(_WORK, limits).one()[0]
        self._work = _driver(work)

    def _show_signs(self) -> None:
        while not self._stop.wait(SIGN_SECONDS):
            try:
                self._show_sign()
            except psycopg2.Error as error:
                if self._ledger.closed:  # which the import notices when it ends, at the latest
                    log.warning("the ledger's session is lost", reason=str(error).strip())
                    return

    def _show_sign(self) -> None:
        work = self._work
        patience = threading.Timer(_ANSWER_SECONDS, self._hang_up, (self._ledger, work))
        patience.daemon = True
        patience.start()
        try:
            with self._ledger.cursor() as cursor:
                cursor.execute(_SIGN, (SILENT_SECONDS, self._pid))
                is_gone, is_stuck, held_up_by = cursor.fetchone()
        finally:
            patience.cancel()
        self._held_up_by = held_up_by or self._held_up_by
        if work is self._work is not None and (is_gone or is_stuck):
            self._hang_up(work)

    def _hang_up(self, *drivers: Any) -> None:
        """Ends every wait for connections that are frozen, or whose session Postgres has ended."""
        log.error("a connection to the database is frozen")
        for driver in drivers:
            # One that was closed meanwhile, or was never there, waits for nothing.
            with (
                contextlib.suppress(psycopg2.Error, OSError, AttributeError),
                socket.socket(fileno=os.dup(driver.fileno())) as frozen,
            ):
                frozen.shutdown(socket.SHUT_RDWR)


@contextmanager
def present(connection: sa.Connection, bucket: str, key: str) -> Iterator[Presence]:
    """Shows signs of life while an import holds the lock of an object on `connection`.

    Ends sessions that an earlier holder of the lock has left behind: its own was ended.
    """
    name = f"{bucket}/{key}"
    connection.exec_driver_sql(_BE_ENDED)
    left_over = connection.execute(_END_LEFT_OVER, {"name": name}).scalars().all()
    connection.commit()
    if left_over:
        log.warning("sessions of a lost worker ended", bucket=bucket, key=key, pids=left_over)
    presence = Presence(connection, name)
    presence.start()
    try:
        yield presence
        _be_as_before(connection)
    finally:
        presence.stop()


def _be_as_before(connection: sa.Connection) -> None:
    try:
        connection.rollback()
        connection.exec_driver_sql(_AS_BEFORE)
        connection.commit()
    except sa.exc.DBAPIError as error:
        # What was to be done is done. A new connection takes this one's place.
        log.warning("the ledger's session is lost", reason=one_line(error))
        connection.invalidate()


def show_sign(work: sa.Connection) -> None:
    """Shows a sign of life on the session of the movies, whose thread is that of the import."""
    work.exec_driver_sql("SELECT")


def _driver(connection: sa.Connection) -> Any:
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("The connection was taken away from its pool.")
    return driver


def _is_lock_timeout(error: BaseException | None) -> bool:
    return getattr(getattr(error, "orig", error), "pgcode", None) == "55P03"
