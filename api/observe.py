"""What is seen of a request: its id, on every log line and in the answer; a line at its end, and
what is counted of it. `api/metrics.py` says how the processes count together.
"""

import dataclasses
import functools
import re
import time
import uuid
from enum import StrEnum
from typing import Final

import structlog
from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

# Where the route of a request stands in its environ, for who gives the same answer again.
ROUTE: Final = "movies-r-us.route"
REQUEST_ID_HEADER: Final = "X-Request-ID"
_ACCEPTABLE_ID: Final = re.compile(r"[ -~]{1,128}")
_PROBES: Final = "/health/"
# What clients make up must not become series: those stay for ever.
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_OTHER: Final = "other"
# From an answer that was kept to the longest that anything is waited for.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_REQUESTS: Final = Counter(
    "mru_api_requests", "Requests that were answered.", ["method", "route", "status"]
)
_DURATIONS: Final = Histogram(
    "mru_api_request_duration_seconds",
    "From the arrival of a request to its answer, without the sending.",
    ["method", "route"],
    buckets=_SECONDS,
)
_DATABASE_ERRORS: Final = Counter(
    "mru_api_database_errors", "Questions to Postgres without an answer.", ["reason"]
)

logger = structlog.stdlib.get_logger(__name__)


def observe_requests(app: Flask) -> None:
    """Gives each request an id, which goes into every log line and out with the answer."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def request_id() -> str:
    """Returns the id of the request being served: the client's own where it sent a usable one."""
    known: str = g.request_id
    return known


def accepted_id(given: str) -> str:
    """Returns the id that a client sent where it is a usable one, and a new one otherwise."""
    return given if _ACCEPTABLE_ID.fullmatch(given) else str(uuid.uuid4())


class DatabaseFault(StrEnum):
    """Why a question to Postgres had no answer."""

    TIMEOUT = "timeout"  # the query took longer than it may
    AWAY = "away"  # no connection, or one that broke
    NO_CONNECTION = "no_connection"  # every one that this process may have is in use


for _fault in DatabaseFault:
    _DATABASE_ERRORS.labels(_fault)  # from the start, at 0, so that its first step shows


def note_database_fault(fault: DatabaseFault) -> None:
    """Counts a question to Postgres that had no answer."""
    _DATABASE_ERRORS.labels(fault).inc()


def note_served(
    method: str, path: str, *, route: str, status: int, began: float, **fields: str
) -> None:
    """Counts a request that has ended, and writes its line; `began` is of the monotonic clock."""
    seconds = time.monotonic() - began
    meters = _meters(method if method in _METHODS else _OTHER, route, status)
    meters.requests.inc()
    meters.durations.observe(seconds)
    probe = path.startswith(_PROBES) and status < 500
    write = logger.debug if probe else logger.info  # probes come every few seconds, for ever
    write(
        "request served",
        method=method,
        path=path,
        status=status,
        seconds=round(seconds, 4),
        **fields,
    )


def note_rejected(method: str, path: str, status: int) -> None:
    """Counts a request that was rejected before the application saw it, and writes its line."""
    note_served(
        method, path, route=_OTHER, status=status, began=time.monotonic(), rejected="unread"
    )


@dataclasses.dataclass(frozen=True)
class _Meters:
    requests: Counter
    durations: Histogram


@functools.cache
def _meters(method: str, route: str, status: int) -> _Meters:
    # Looking for a series by its labels takes longer than to count in it.
    return _Meters(_REQUESTS.labels(method, route, status), _DURATIONS.labels(method, route))


def _begin() -> None:
    g.request_id = accepted_id(request.headers.get(REQUEST_ID_HEADER, ""))
    g.started = time.monotonic()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = g.request_id
    route = request.url_rule.rule if request.url_rule else _OTHER
    request.environ[ROUTE] = route
    note_served(
        request.method, request.path, route=route, status=response.status_code, began=g.started
    )
    return response


def _forget(_: BaseException | None) -> None:
    # Threads serve one request after another: what this one bound must not stay.
    structlog.contextvars.unbind_contextvars("request_id")
