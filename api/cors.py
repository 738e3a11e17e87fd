"""Lets web pages of any origin read: CORS, for GET alone, and not for pages, which are no data."""

from typing import Final

from flask import Response, request

_READING: Final = {"GET", "HEAD", "OPTIONS"}

_PAGES: Final = "pages"

# Beyond these, scripts see only a few headers (Fetch, "CORS-safelisted response-header name").
_EXPOSED: Final = "ETag, Link, Retry-After, X-Request-ID, X-Total-Count, X-Total-Relation"

_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, X-Request-ID",
    "Access-Control-Max-Age": "86400",
}


def open_for_reading(answer: Response) -> Response:
    """Allows any page to read what anyone may read. Answers to other methods are left alone."""
    if request.blueprint == _PAGES:
        return answer
    if request.method in _READING:
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Access-Control-Expose-Headers"] = _EXPOSED
    if request.method == "OPTIONS" and answer.status_code == 200:
        answer.headers.update(_PREFLIGHT)
    return answer
