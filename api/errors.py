"""What the API refuses and why: one exception for each status, and one shape on the wire.

ApiError
├── UnsignedError          401
├── UnauthorizedError      401
├── ForbiddenError         403
├── NotFoundError          404
├── WrongContentTypeError  415
├── InvalidError           422
├── TooManyRequestsError   429
├── ClientGoneError        499
└── UnavailableError       503
    ├── BusyError
    ├── QueueUnavailableError
    ├── BucketUnavailableError
    └── DatabaseUnavailableError

`api/problems.py` writes them. gunicorn's processes import this file before they are forked.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

Faults = Sequence[tuple[str, str]]


class ApiError(Exception):
    """The root of what the API answers instead of what was asked for."""

    status: ClassVar[int] = 500
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str, *, faults: Faults = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = list(faults)


class UnsignedError(ApiError):
    """The notification is not signed by a secret that is valid here and now."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "MRU-HMAC-SHA256"}  # RFC 9110, 11.6


class UnauthorizedError(ApiError):
    """Only operators may see this, and the request does not prove that it comes from one."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="operators"'}


class ForbiddenError(ApiError):
    """The request is well-formed and signed, and asks for what is not ours to give."""

    status = 403


class NotFoundError(ApiError):
    """There is nothing of that id."""

    status = 404


class NotSeenYetError(NotFoundError):
    """There is no import of that id, though its notification may be waiting in the queue."""

    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class WrongContentTypeError(ApiError):
    """The body is not declared to be JSON."""

    status = 415


class InvalidError(ApiError):
    """A parameter or a field is not what it may be; `faults` names each, or the first of them."""

    status = 422

    def __init__(self, faults: Faults, *, complete: bool = True) -> None:
        things = "1 thing that is" if len(faults) == 1 else f"{len(faults)} things that are"
        more = "" if complete else " There may be more: no further ones were looked for."
        super().__init__(f"The request names {things} not right.{more}", faults=faults)


class TooManyRequestsError(ApiError):
    """The client is beyond its rate limit. `api/limiting/limited.py` adds Retry-After."""

    status = 429


class UnavailableError(ApiError):
    """Something that the API needs does not answer; it may answer a moment later."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class BusyError(UnavailableError):
    """So many requests are being served that this one would only wait."""

    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}

    def __init__(self) -> None:
        super().__init__("The server is busy. Try again in a second.")


class ClientGoneError(ApiError):
    """The client has closed its connection, so that nobody waits for the response.

    The status is nginx' for that: no client sees it, but the log and the metrics do.
    """

    status = 499

    def __init__(self) -> None:
        super().__init__("The client has gone.")


class QueueUnavailableError(UnavailableError):
    """The queue did not confirm the message. It may have it nevertheless."""


class BucketUnavailableError(UnavailableError):
    """The bucket did not confirm the object. It may have it nevertheless."""


class DatabaseUnavailableError(UnavailableError):
    """The database does not answer, or not in time."""
