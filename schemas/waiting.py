"""A wait for Postgres that has an end, for whoever waits by himself.

A server that stopped, or a proxy that forgot us, keeps its connections open and says nothing:
neither Postgres' own time-outs nor those of TCP ever end such a wait. Imported by name, as `tables`
is: it needs psycopg2.
"""

import select
import socket
import threading
import time
from typing import Any, Final

import psycopg2
import psycopg2.extensions as pg
import structlog

logger = structlog.stdlib.get_logger(__name__)


# Linux alone tells of a client that has closed while bytes of his may still be unread.
_CLOSED: Final = getattr(select, "POLLRDHUP", 0)
_cancelling: Final = threading.BoundedSemaphore(4)  # of a process


def wait_for_answer(
    connection: Any, deadline: float, *, seconds: float, client: socket.socket | None = None
) -> bool:
    """Waits until a connection has done what it was told. The deadline is of the monotonic clock.

    If the `client` for whom it is done closes its socket meanwhile, the statement is cancelled and
    the result is True; psycopg2 then has QueryCanceled to say. Raises psycopg2.OperationalError,
    which names the `seconds` that were given, and whatever psycopg2 has to say of the answer.
    """
    watched = client if _CLOSED else None
    is_gone = False
    while (state := connection.poll()) != pg.POLL_OK:
        poller = select.poll()
        wanted = select.POLLIN if state == pg.POLL_READ else select.POLLOUT
        poller.register(connection.fileno(), wanted)
        if watched is not None:
            poller.register(watched, _CLOSED)
        ready = poller.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            raise psycopg2.OperationalError(f"no answer within {seconds:g} seconds")
        if watched is not None and any(which == watched.fileno() for which, _ in ready):
            watched, is_gone = None, True
            _cancel(connection)
    return is_gone


def _cancel(connection: Any) -> None:
    """Has Postgres cancel what a connection waits for, without waiting for Postgres itself."""

    def cancel() -> None:
        try:
            connection.cancel()
        except psycopg2.Error as error:
            logger.debug("statement not cancelled", error=repr(error))
        finally:
            _cancelling.release()

    # A server that has vanished keeps each of these for minutes.
    if _cancelling.acquire(blocking=False):
        threading.Thread(target=cancel, name="cancel", daemon=True).start()
