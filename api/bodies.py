"""How a request's body is read: JSON, and no more of it than is allowed."""

import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import orjson
from flask import request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

from api.answers import JSON_CONTENT_TYPE
from api.errors import InvalidError, UnsignedError, WrongContentTypeError
from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, verify_headers

NOTIFICATIONS: Final = "/notifications"
# The longest body that its schema could take is a tenth of this.
NOTIFICATION_MAX_BYTES: Final = 64 * 1024
POSTED_MAX_BYTES: Final = 1024 * 1024  # larger files are for the bucket

_OTHER_MAX_BYTES: Final = 64 * 1024
_MAX_BYTES: Final = {"/movies": POSTED_MAX_BYTES, NOTIFICATIONS: NOTIFICATION_MAX_BYTES}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decoded_path(path: str) -> str:
    """Returns the path of a request line as it is routed."""
    return "/" + unquote(path).lstrip("/")


def check_head(method: str, path: str, headers: Mapping[str, str]) -> None:
    """Rejects a request whose head is enough for it, before its body is read.

    `headers` are by their names in upper case. Raises UnsignedError, and werkzeug's LengthRequired
    and RequestEntityTooLarge.
    """
    path = decoded_path(path)
    if method == "POST" and path == NOTIFICATIONS:
        signed = (headers.get(name.upper()) for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER))
        try:
            verify_headers(*signed, now=time.time())
        except SignatureError as error:
            raise UnsignedError(str(error)) from error
        if "CONTENT-LENGTH" not in headers:
            raise LengthRequired("Send the body with a Content-Length.")
    if "TRANSFER-ENCODING" in headers:
        raise LengthRequired("Send the body with a Content-Length, not in chunks.")
    longest = _MAX_BYTES.get(path, _OTHER_MAX_BYTES)
    if int(headers.get("CONTENT-LENGTH", 0)) > longest:
        raise RequestEntityTooLarge(f"The body must not be longer than {longest} bytes.")


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
