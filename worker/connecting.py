"""The first connection of those who prepare a database: its server may only just be starting."""

import time
from typing import Any, Final

import psycopg2

from schemas.database import parameters
from schemas.settings import DatabaseSettings
from worker.errors import NoConnectionError

_PATIENCE_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.5
_CONNECT_SECONDS: Final = 10

# What libpq reports when the server itself, or its want of a password, ended the attempt. It passes
# the texts on, and psycopg2 no codes. In another language one of them only costs the patience.
_ANSWERED: Final = ("FATAL", "no password supplied")
_PASSING: Final = (
    "starting up",
    "shutting down",
    "in recovery mode",
    "not yet accepting connections",
    "too many clients",
    "connection slots",
)


def connect(settings: DatabaseSettings, *, patience_seconds: float = _PATIENCE_SECONDS) -> Any:
    """Returns a psycopg2 connection; waits for a server that is not there yet.

    Raises NoConnectionError, at once where waiting cannot help.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return psycopg2.connect(**parameters(settings), connect_timeout=_CONNECT_SECONDS)
        except psycopg2.OperationalError as error:
            reason = " ".join(str(error).split())
            if _is_final(reason):
                raise NoConnectionError(
                    f"Postgres at {settings.host}:{settings.port} rejects {settings.user} "
                    f"(MRU_DB_USER, MRU_DB_PASS, MRU_DB_NAME): {reason}"
                ) from error
            if time.monotonic() >= deadline:
                raise NoConnectionError(
                    f"Postgres does not answer at {settings.host}:{settings.port} "
                    f"(MRU_DB_HOST, MRU_DB_PORT): {reason}"
                ) from error
        time.sleep(_PAUSE_SECONDS)


def _is_final(reason: str) -> bool:
    answered = any(text in reason for text in _ANSWERED)
    return answered and not any(text in reason for text in _PASSING)
