"""Lets web pages of any origin read movies: CORS, for GET alone.

Imports, health and pages stay closed: where the API is internal, any page that an employee opens
could otherwise read them through the employee's browser.
"""

from typing import Final

from flask import Response, request

_READING: Final = {"GET", "HEAD", "OPTIONS"}

_OPEN: Final = frozenset({"/movies", "/suggest", "/openapi.json"})
_OPEN_BELOW: Final = "/movies/"

# Beyond these, scripts see only a few headers (Fetch, "CORS-safelisted response-header name").
_EXPOSED: Final = (
    "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID, X-Total-Count, "
    "X-Total-Relation"
)

_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, X-API-Key, X-Request-ID",
    "Access-Control-Max-Age": "86400",
}


def open_for_reading(answer: Response) -> Response:
    """Allows any page to read movies. Answers to other methods are left alone."""
    if request.path not in _OPEN and not request.path.startswith(_OPEN_BELOW):
        return answer
    if request.method in _READING:
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Access-Control-Expose-Headers"] = _EXPOSED
    if request.method == "OPTIONS" and answer.status_code == 200:
        answer.headers.update(_PREFLIGHT)
    return answer
