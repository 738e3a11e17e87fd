"""What a client gets that the application never sees: a problem document like all the others."""

from collections.abc import Iterable
from typing import Protocol

import orjson
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from api.errors import ApiError
from api.protection import HEADERS, POLICY_HEADER
from schemas.problem import PROBLEM_CONTENT_TYPE, problem


class _Sends(Protocol):
    def sendall(self, data: bytes, /) -> object: ...


def write_rejection(
    client: _Sends, error: ApiError | HTTPException, *, has_body: bool = True
) -> int:
    """Writes an error as the application would, and returns its status.

    `has_body` is False for HEAD: RFC 9110, 9.3.2.
    """
    if isinstance(error, ApiError):
        status, detail, headers = error.status, error.detail, tuple(error.headers.items())
    else:
        status, detail, headers = error.code or 500, error.description or "", ()
    head, body = _problem(status, HTTP_STATUS_CODES[status], detail, headers)
    client.sendall(head + body if has_body else head)
    return status


def write_problem(client: _Sends, status: int, reason: str, detail: str) -> None:
    """Writes a response that closes the connection: gunicorn's way to reject bad HTTP."""
    client.sendall(b"".join(_problem(status, reason, detail, ())))


def _problem(
    status: int, reason: str, detail: str, headers: Iterable[tuple[str, str]]
) -> tuple[bytes, bytes]:
    body = orjson.dumps(problem(status, reason, detail=detail or None))
    lines = [
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        f"Content-Type: {PROBLEM_CONTENT_TYPE}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in (*headers, *HEADERS, POLICY_HEADER)),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), body
