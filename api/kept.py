"""Answers about movies that this process has given before, and gives again while they are true.

They stand before Flask, which takes longer to find a view than they do to answer. Whether one is
still true only the database knows: the version of the data is read each time, and nothing else.
"""

import collections
import dataclasses
import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from api import queries
from api.database import Database
from api.errors import DatabaseUnavailableError
from api.observe import REQUEST_ID_HEADER, ROUTE, accepted_id, note_served

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Where the version that was read, or the reason why it was not, waits for whoever answers instead.
VERSION_READ: Final = "movies-r-us.version"

_BYTES: Final = 16 * 1024 * 1024  # of one process
_BYTES_OF_ONE: Final = 64 * 1024
_HEAD_BYTES: Final = 1024  # about what the headers and the question of one take
_PATHS: Final = ("/movies", "/suggest")
_NOT_CHANGED: Final = "304 NOT MODIFIED"
# Of an answer's headers, those that go with a 304 (RFC 9110, 15.4.5), and for whom they are.
_KNOWN_HEADERS: Final = {
    "etag",
    "cache-control",
    "vary",
    "access-control-allow-origin",
    "access-control-expose-headers",
}

Headers = list[tuple[str, str]]
_Key = tuple[str, str, str]


def tag_of(release: str, version: int, path: str, query: bytes) -> str:
    """Returns the tag of an answer by all that it depends on."""
    digest = hashlib.sha256(f"{release}\0{version}\0{path}\0".encode() + query)
    return digest.hexdigest()[:32]


@dataclasses.dataclass(frozen=True)
class _Answer:
    """An answer's tag, as it is quoted, and its headers; without a body it serves for 304 alone."""

    tag: str
    headers: Headers
    body: bytes | None
    route: str

    @property
    def size(self) -> int:
        return len(self.body or b"") + _HEAD_BYTES


class Shelf:
    """Answers by what was asked: those that were asked for last, as many as there is room for."""

    def __init__(self, room: int = _BYTES) -> None:
        self._room = room
        self._taken = 0
        self._answers: collections.OrderedDict[_Key, _Answer] = collections.OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: _Key) -> _Answer | None:
        """Returns the answer to a question, if it is here."""
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def put(self, key: _Key, answer: _Answer) -> None:
        """Keeps an answer, in place of an older one, and of those that nobody asks for."""
        with self._lock:
            old = self._answers.pop(key, None)
            if old is not None:
                self._taken -= old.size
                if answer.body is None and old.tag == answer.tag:
                    answer = old
            self._answers[key] = answer
            self._taken += answer.size
            while self._taken > self._room:
                _, last = self._answers.popitem(last=False)
                self._taken -= last.size


class KeptAnswers:
    """The application, with a shelf before it."""

    def __init__(self, application: "WSGIApplication", database: Database, release: str) -> None:
        self._application = application
        self._database = database
        self._release = release
        self._shelf = Shelf()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        key = _key(environ)
        if key is None:
            return self._application(environ, start_response)
        began = time.monotonic()
        kept = self._shelf.find(key)
        known: str = environ.get("HTTP_IF_NONE_MATCH", "")
        if kept is not None and "*" not in known:  # which asks whether there is anything
            has_it = kept.tag in known
            if (has_it or kept.body is not None) and self._is_true(kept, environ):
                return _answer(environ, start_response, kept, began=began, has_it=has_it)
        return self._ask(key, environ, start_response)

    def _is_true(self, kept: _Answer, environ: "WSGIEnvironment") -> bool:
        try:
            version = self._database.ask(queries.data_version)
        except DatabaseUnavailableError as error:
            environ[VERSION_READ] = error  # nobody has to wait for the same once more
            return False
        environ[VERSION_READ] = version
        query = environ["QUERY_STRING"].encode("latin-1")
        return kept.tag == f'"{tag_of(self._release, version, environ["PATH_INFO"], query)}"'

    def _ask(
        self, key: _Key, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Asks the application, and keeps what it says."""
        heads: list[tuple[str, Headers]] = []

        def note(status: str, headers: Headers, *more: Any) -> Callable[[bytes], object]:
            heads.append((status, headers))
            return start_response(status, headers, *more)

        pieces = self._application(environ, note)
        status, headers = heads[-1]
        tag = next((value for name, value in headers if name == "ETag"), None)
        if tag is None or not status.startswith(("200", "304")):
            return pieces
        try:
            body = b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        if len(body) <= _BYTES_OF_ONE:
            lasting = [pair for pair in headers if pair[0] != REQUEST_ID_HEADER]
            whole = body if status.startswith("200") else None
            made = _Answer(tag.removeprefix("W/"), lasting, whole, environ[ROUTE])
            self._shelf.put(key, made)
        return [body]


def _key(environ: "WSGIEnvironment") -> _Key | None:
    """Returns what was asked, where answers to it are kept."""
    path: str = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] != "GET" or not path.startswith(_PATHS):
        return None
    key = (path, environ["QUERY_STRING"], environ.get("HTTP_ACCEPT_ENCODING", ""))
    return key if sum(map(len, key)) < _HEAD_BYTES and path.isascii() else None


def _answer(
    environ: "WSGIEnvironment",
    start_response: "StartResponse",
    kept: _Answer,
    *,
    began: float,
    has_it: bool,
) -> Iterable[bytes]:
    request_id = accepted_id(environ.get("HTTP_X_REQUEST_ID", ""))
    headers = kept.headers
    if has_it:
        headers = [pair for pair in headers if pair[0].lower() in _KNOWN_HEADERS]
    start_response(
        _NOT_CHANGED if has_it else "200 OK", [*headers, (REQUEST_ID_HEADER, request_id)]
    )
    note_served(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        route=kept.route,
        status=304 if has_it else 200,
        began=began,
        request_id=request_id,
    )
    return [] if has_it else [kept.body or b""]
