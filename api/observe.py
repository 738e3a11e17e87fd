"""What is seen of a request: its id, on every log line and in the answer, and a line at its end."""

import re
import time
import uuid
from typing import Final

import structlog
from flask import Flask, Response, g, request

REQUEST_ID_HEADER: Final = "X-Request-ID"
_ACCEPTABLE_ID: Final = re.compile(r"[ -~]{1,128}")
_PROBES: Final = "/health/"

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


def note_served(method: str, path: str, *, status: int, began: float, **fields: str) -> None:
    """Writes the line of a request that has ended; `began` is of the monotonic clock."""
    probe = path.startswith(_PROBES) and status < 500
    write = logger.debug if probe else logger.info  # probes come every few seconds, for ever
    write(
        "request served",
        method=method,
        path=path,
        status=status,
        seconds=round(time.monotonic() - began, 4),
        **fields,
    )


def _begin() -> None:
    g.request_id = accepted_id(request.headers.get(REQUEST_ID_HEADER, ""))
    g.started = time.monotonic()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = g.request_id
    note_served(request.method, request.path, status=response.status_code, began=g.started)
    return response


def _forget(_: BaseException | None) -> None:
    # Threads serve one request after another: what this one bound must not stay.
    structlog.contextvars.unbind_contextvars("request_id")
