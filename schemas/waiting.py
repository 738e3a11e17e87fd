"""A wait for Postgres that has an end, for whoever waits by himself.

A server that stopped, or a proxy that forgot us, keeps its connections open and says nothing:
neither Postgres' own time-outs nor those of TCP ever end such a wait. Imported by name, as `tables`
is: it needs psycopg2.
"""

import select
import time
from typing import Any

import psycopg2
import psycopg2.extensions as pg


def wait_for_answer(connection: Any, deadline: float, *, seconds: float) -> None:
    """Waits until a connection has done what it was told. The deadline is of the monotonic clock.

    Raises psycopg2.OperationalError, which names the `seconds` that were given, and whatever
    psycopg2 has to say of the answer.
    """
    while (state := connection.poll()) != pg.POLL_OK:
        poller = select.poll()
        wanted = select.POLLIN if state == pg.POLL_READ else select.POLLOUT
        poller.register(connection.fileno(), wanted)
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise psycopg2.OperationalError(f"no answer within {seconds:g} seconds")
