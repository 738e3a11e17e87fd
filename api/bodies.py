"""How a request's body is read: JSON, and no more of it than is allowed."""

from typing import Any

import orjson
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from api.answers import JSON_CONTENT_TYPE
from api.errors import InvalidError, WrongContentTypeError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_body(max_bytes: int) -> bytes:
    """Returns the body of a request that says it is JSON.

    Raises WrongContentTypeError where it says otherwise, and werkzeug's RequestEntityTooLarge.
    """
    if request.mimetype != JSON_CONTENT_TYPE:
        raise WrongContentTypeError(f"The body must be {JSON_CONTENT_TYPE}.")
    # A body that does not say how long it is would be cut at the limit without a word; one byte
    # beyond it tells.
    request.max_content_length = max_bytes + 1
    body = request.get_data(cache=False)
    if len(body) > max_bytes:
        raise RequestEntityTooLarge(f"The body must not be longer than {max_bytes} bytes.")
    return body


def decode_body(body: bytes) -> Any:
    """Returns what a body says. Raises InvalidError where it is no JSON."""
    try:
        return orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise InvalidError([("body", f"Must be JSON: {error}.")]) from error
