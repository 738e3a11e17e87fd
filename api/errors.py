"""What the API refuses and why: one exception for each status, and one shape on the wire.

ApiError
├── UnsignedError          401
├── UnauthorizedError      401
├── ForbiddenError         403
├── NotFoundError          404
├── WrongContentTypeError  415
├── InvalidError           422
└── UnavailableError       503
    ├── QueueUnavailableError
    ├── BucketUnavailableError
    └── DatabaseUnavailableError

Every error leaves as a problem document (RFC 9457): these, those that Flask raises (404, 405, 413)
and those that nobody foresaw (500, with nothing of their inside but the request's id).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from api.answers import answer
from api.observe import request_id
from schemas.problem import PROBLEM_CONTENT_TYPE, problem

logger = structlog.stdlib.get_logger(__name__)

Faults = Sequence[tuple[str, str]]

_FAULTS_SHOWN: Final = 100  # the detail has their number


class ApiError(Exception):
    """The root of what the API answers instead of what was asked for."""

    status: ClassVar[int] = 500
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str, *, faults: Faults = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = list(faults)


class UnsignedError(ApiError):
    """The notification is not signed by a secret that is valid here and now."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "MRU-HMAC-SHA256"}  # RFC 9110, 11.6


class UnauthorizedError(ApiError):
    """Only operators may see this, and the request does not prove that it comes from one."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="operators"'}


class ForbiddenError(ApiError):
    """The request is well-formed and signed, and asks for what is not ours to give."""

    status = 403


class NotFoundError(ApiError):
    """There is nothing of that id."""

    status = 404


class NotSeenYetError(NotFoundError):
    """There is no import of that id, though its notification may be waiting in the queue."""

    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class WrongContentTypeError(ApiError):
    """The body is not declared to be JSON."""

    status = 415


class InvalidError(ApiError):
    """A parameter or a field is not what it may be; `faults` names each, or the first of them."""

    status = 422

    def __init__(self, faults: Faults, *, complete: bool = True) -> None:
        things = "1 thing that is" if len(faults) == 1 else f"{len(faults)} things that are"
        more = "" if complete else " There may be more: no further ones were looked for."
        super().__init__(f"The request names {things} not right.{more}", faults=faults)


class UnavailableError(ApiError):
    """Something that the API needs does not answer; it may answer a moment later."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class QueueUnavailableError(UnavailableError):
    """The queue did not confirm the message. It may have it nevertheless."""


class BucketUnavailableError(UnavailableError):
    """The bucket did not confirm the object. It may have it nevertheless."""


class DatabaseUnavailableError(UnavailableError):
    """The database does not answer, or not in time."""


def handle_errors(app: Flask) -> None:
    """Makes every error of the application a problem document."""
    app.register_error_handler(ApiError, _answer_api_error)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(Exception, _answer_unforeseen)


def answer_http_exception(error: HTTPException) -> Response:
    """Turns what Flask and werkzeug raise into a problem document, headers such as Allow kept."""
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return problem_answer(error.code or 500, error.description, headers=headers)


def problem_answer(
    status: int,
    detail: str | None,
    *,
    faults: Faults = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Writes a problem document, with the request's id as its instance."""
    # The names of statuses are werkzeug's: those of the standard library differ between Pythons.
    title = HTTP_STATUS_CODES.get(status, "Unknown Error")
    shown = list(faults[:_FAULTS_SHOWN])
    document = problem(status, title, detail=detail, instance=request_id(), errors=shown or None)
    return answer(document, status=status, headers=headers, content_type=PROBLEM_CONTENT_TYPE)


def note_failure(error: ApiError) -> None:
    """Writes down what is no fault of the client's."""
    if error.status >= 500:
        logger.warning("request not served", detail=error.detail, cause=repr(error.__cause__))


def _answer_api_error(error: ApiError) -> Response:
    note_failure(error)
    return problem_answer(error.status, error.detail, faults=error.faults, headers=error.headers)


def _answer_unforeseen(error: Exception) -> Response:
    logger.error("request failed", exc_info=error)
    return problem_answer(500, "The server failed. Its logs say why, under the id in 'instance'.")
