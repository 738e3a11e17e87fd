"""gzip for answers that are long enough to gain by it, where the client can read it."""

import gzip
from typing import Final

from flask import Response, request

_LONG_BYTES: Final = 1024
_LEVEL: Final = 5
_COMPRESSIBLE: Final = ("application/json", "application/problem+json", "text/")


def compress(answer: Response) -> Response:
    """Compresses an answer, or says at least that another client might get it compressed."""
    if answer.status_code == 304:
        answer.vary.add("Accept-Encoding")
        return answer
    if answer.direct_passthrough or not (answer.mimetype or "").startswith(_COMPRESSIBLE):
        return answer
    answer.vary.add("Accept-Encoding")
    if _is_accepted() and "Content-Encoding" not in answer.headers:
        body = answer.get_data()
        if len(body) > _LONG_BYTES:
            answer.set_data(gzip.compress(body, _LEVEL, mtime=0))
            answer.headers["Content-Encoding"] = "gzip"
    return answer


def _is_accepted() -> bool:
    accepted = request.accept_encodings
    return 0 < accepted["gzip"] >= accepted["identity"]
