"""How errors leave the API: as problem documents (RFC 9457).

Those are errors of `api/errors.py`, those that Flask raises (404, 405, 413), and those that nobody
foresaw (500, with nothing of their inside but the request's id).
"""

from collections.abc import Mapping
from typing import Final

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from api.answers import answer
from api.errors import ApiError, Faults
from api.observe import request_id
from schemas.problem import PROBLEM_CONTENT_TYPE, problem

logger = structlog.stdlib.get_logger(__name__)

_FAULTS_SHOWN: Final = 100  # the detail has their number


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
