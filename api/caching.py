"""How an answer is kept by whoever asked: with a tag, and asked for again before each use.

The tag is made of what the answer depends on, the version of the data and the question, so that it
is known before the database has searched for anything: whoever has the answer already is told so
for the price of reading one number.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from flask import Response, request

from api import queries
from api.audience import sees_imports
from api.errors import DatabaseUnavailableError
from api.kept import VERSION_READ, tag_of
from api.services import services

_KEEP_AND_ASK: Final = "public, no-cache"
_PAGES: Final = "pages"
_DO_NOT_KEEP: Final = "no-store"


@dataclasses.dataclass(frozen=True)
class _Found:
    """What there is to be written, under which tag; nothing where the client has the answer."""

    tag: str
    values: Any = None
    known: bool = False


def conditional(
    read: Callable[[], Any],
    find: Callable[[sa.Connection, Any], Any],
    write: Callable[[Any], Response],
) -> Response:
    """Answers a question about movies, or 304 to a client that has the answer already.

    `read` reads the question, and raises InvalidError. `find` returns values, which may depend on
    nothing but that, the path and the movies; it may be called twice. `write` makes an answer of
    them, when the connection has been given back for others to use.
    """
    found = _find(read, find)
    answer = Response(status=304) if found.known else write(found.values)
    return _tagged(answer, found.tag)


def _find(read: Callable[[], Any], find: Callable[[sa.Connection, Any], Any]) -> _Found:
    database = services().database
    if isinstance(failed := request.environ.get(VERSION_READ), DatabaseUnavailableError):
        raise failed
    if request.if_none_match:
        # A tag that is right was given for this very question, which need not be read again. Nor
        # need the movies, so that this is answered while they are locked.
        if request.environ.get(VERSION_READ) is None:
            request.environ[VERSION_READ] = database.ask(queries.data_version)
        if _is_known(tag := _tag(request.environ[VERSION_READ])):
            return _Found(tag, known=True)
    question = read()
    # An import that is committed between the two statements puts newer movies under the older
    # tag. It costs one answer more, for nobody asks twice by a tag that was never the newest.
    return database.ask_movies(
        lambda connection: _Found(_tag(_version(connection)), find(connection, question))
    )


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


def _version(connection: sa.Connection) -> int:
    known: int | None = request.environ.get(VERSION_READ)
    return queries.data_version(connection) if known is None else known


def _tag(version: int) -> str:
    # Pages lead to the imports only whoever may see them.
    audience = "+imports" if request.blueprint == _PAGES and sees_imports() else ""
    return tag_of(services().release + audience, version, request.path, request.query_string)
