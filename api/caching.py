"""How an answer is kept by whoever asked: with a tag, and asked for again before each use.

The tag is made of what the answer depends on, the version of the data and the question, so that it
is known before the database has searched for anything: whoever has the answer already is told so
for the price of reading one number.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from flask import Response, request

from api import queries
from api.services import services

View = TypeVar("View", bound=Callable[..., Any])

_KEEP_AND_ASK: Final = "public, no-cache"
_DO_NOT_KEEP: Final = "no-store"


def conditional(view: View) -> View:
    """Lends a view a connection, as `connection`, unless the client has its answer already.

    Such a client is told 304. The view's answer has to depend on nothing but movies and request.
    """

    @functools.wraps(view)
    def answer_or_not(*args: Any, **kwargs: Any) -> Response:
        with services().database.connect() as connection:
            tag = _tag(queries.data_version(connection))
            if _is_known(tag):
                return _tagged(Response(status=304), tag)
            answer: Response = view(*args, connection=connection, **kwargs)
        # An import that is committed between the two statements puts newer movies under the older
        # tag. It costs one answer more, for nobody asks twice by a tag that was never the newest.
        return _tagged(answer, tag)

    return cast("View", answer_or_not)


def fixed(body: bytes, tag: str, content_type: str) -> Response:
    """Answers what does not change while this release runs."""
    if _is_known(tag):
        return _tagged(Response(status=304), tag)
    return _tagged(Response(body, content_type=content_type), tag)


def keep_nothing_else(answer: Response) -> Response:
    """Says of an answer without a tag, an error for example, that it is not to be kept."""
    answer.headers.setdefault("Cache-Control", _DO_NOT_KEEP)
    return answer


def _tagged(answer: Response, tag: str) -> Response:
    # The tag is weak (RFC 9110, 8.8.1): the same movies, but not the same bytes, for it stands
    # for the answer in each of its encodings.
    answer.set_etag(tag, weak=True)
    answer.headers["Cache-Control"] = _KEEP_AND_ASK
    if request.if_none_match.star_tag and answer.status_code == 200:
        answer.status_code = 304  # "*": whatever it is, the client has it (RFC 9110, 13.1.2)
    return answer


def _is_known(tag: str) -> bool:
    known = request.if_none_match
    # "*" asks whether there is anything, which only the answer itself can tell.
    return not known.star_tag and known.contains_weak(tag)


def _tag(version: int) -> str:
    parts = (services().release, str(version), request.path)
    digest = hashlib.sha256("\0".join(parts).encode() + b"\0" + request.query_string)
    return digest.hexdigest()[:32]
