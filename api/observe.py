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


def _begin() -> None:
    given = request.headers.get(REQUEST_ID_HEADER, "")
    g.request_id = given if _ACCEPTABLE_ID.fullmatch(given) else str(uuid.uuid4())
    g.started = time.monotonic()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = g.request_id
    probe = request.path.startswith(_PROBES) and response.status_code < 500
    write = logger.debug if probe else logger.info  # probes come every few seconds, for ever
    write(
        "request served",
        method=request.method,
        path=request.path,
        status=response.status_code,
        seconds=round(time.monotonic() - g.started, 4),
    )
    return response


def _forget(_: BaseException | None) -> None:
    # Threads serve one request after another: what this one bound must not stay.
    structlog.contextvars.unbind_contextvars("request_id")
