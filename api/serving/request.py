"""A request as its bytes arrive, from a client that may be slow: the head, then the body.

gunicorn parses the head and rejects what is not HTTP. Here stand only the decisions that it leaves
to a proxy: how long a head or a body may be, and that a request without a chance is rejected before
its body is read.
"""

import dataclasses
import re
from typing import Any, Final

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from api.bodies import check_head

_END_OF_LINE: Final = b"\r\n"
_END_OF_HEAD: Final = b"\r\n\r\n"
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")
_HEAD_MAX_BYTES: Final = 64 * 1024


@dataclasses.dataclass(frozen=True)
class _Awaited:
    """A request whose head has been parsed, and where its body begins and ends among the bytes."""

    request: Request
    begins: int
    ends: int


class Inbox:
    """The bytes of one connection that have been received and not yet been used."""

    def __init__(self, configuration: Any, address: Any) -> None:
        self._configuration = configuration
        self._address = address
        self._received = bytearray()
        self._searched = 0
        self._number = 0
        self._awaited: _Awaited | None = None
        self.head: Request | None = None  # of the present request, as soon as it has been parsed

    def __len__(self) -> int:
        return len(self._received)

    @property
    def missing(self) -> int:
        """How many bytes of a body are still to come."""
        return max(0, self._awaited.ends - len(self._received)) if self._awaited else 0

    def feed(self, data: bytes) -> None:
        """Adds what has arrived."""
        self._received += data

    def awaits_continue(self) -> bool:
        """Tells, once, whether the client sends a body only when asked to: RFC 9110, 10.1.1."""
        awaits = bool(self.head and self.head._expected_100_continue)  # noqa: SLF001  no other name
        if self.head:
            self.head._expected_100_continue = False  # noqa: SLF001  gunicorn would say it again
        return awaits

    def take(self) -> Request | None:
        """Returns the next request once all of it is here, else None.

        Raises gunicorn's errors for what is not HTTP, and ApiError or werkzeug's HTTPException for
        a head that is enough to reject the request.
        """
        if self._awaited is None:
            self._awaited = self._parse_head()
        awaited = self._awaited
        if awaited is None or len(self._received) < awaited.ends:
            return None
        if awaited.ends > awaited.begins:
            body = bytes(self._received[awaited.begins : awaited.ends])
            awaited.request.body = Body(LengthReader(IterUnreader([body]), len(body)))
        del self._received[: awaited.ends]
        awaited.request._expected_100_continue = False  # noqa: SLF001  the body is here already
        self._awaited, self._searched = None, 0
        return awaited.request

    def _parse_head(self) -> _Awaited | None:
        self.head = None
        while self._received.startswith(_END_OF_LINE):
            del self._received[:2]  # RFC 9112, 2.2: ignore empty lines before a request
            self._searched = 0
        searched, self._searched = self._searched, len(self._received)
        end = self._received.find(_END_OF_HEAD, max(0, searched - 3))
        if end < 0:
            self._reject_endless_head(searched)
            return None
        begins = end + len(_END_OF_HEAD)
        _check_length_of_head(begins)
        self._number += 1
        head = IterUnreader([bytes(self._received[:begins])])
        request = Request(self._configuration, head, self._address, self._number)
        self.head = request
        headers = dict(request.headers)
        check_head(request.method, request.path, headers)
        return _Awaited(request, begins, begins + int(headers.get("CONTENT-LENGTH", 0)))

    def _reject_endless_head(self, searched: int) -> None:
        size = len(self._received)
        line_limit = self._configuration.limit_request_line
        if size > line_limit + 2 and self._received.find(_END_OF_LINE, 0, line_limit + 2) < 0:
            raise LimitRequestLine(size, line_limit)
        _check_length_of_head(size)
        if _BARE_LINE_FEED.search(self._received, searched):
            # A line that ends otherwise: the head would never end. gunicorn says so.
            Request(self._configuration, IterUnreader([bytes(self._received)]), self._address, 1)


def _check_length_of_head(size: int) -> None:
    if size > _HEAD_MAX_BYTES:
        raise LimitRequestHeaders("max buffer headers")
