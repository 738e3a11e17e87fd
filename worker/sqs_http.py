"""The HTTP calls of kombu's event loop to SQS, hardened: each has an end, whatever comes back.

See `worker.sqs`, which has the queue's side of it, and the versions that this is written for.
"""

# kombu has few types or none: to mypy its classes are Any, or full of None that is never there.
# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False, warn-return-any=False
# mypy: disable-error-code="override, assignment, union-attr"

from collections.abc import Callable
from typing import Any, Final

import pycurl  # type: ignore[import-untyped]  # its stubs are a package of their own
import structlog
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.asynchronous.http import curl
from vine import promise

log = structlog.get_logger(__name__)

_CONNECT_SECONDS: Final = 5
_DELETE_SECONDS: Final = 5
_LOGGED_CHARACTERS: Final = 300

# Stands in a failed receive's place. kombu has an empty list there, or raises in the event loop.
FAILED: Final = object()


class CurlClient(curl.CurlClient):
    """The HTTP client of the event loop, with time-outs: without them a half-open poll hangs."""

    _timer: Any = None

    def _setup_request(self, handle: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        super()._setup_request(handle, request, *args, **kwargs)
        handle.setopt(pycurl.NOSIGNAL, 1)  # else libcurl may use SIGALRM, which is billiard's
        connect_seconds = min(_CONNECT_SECONDS, request.connect_timeout)
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, int(connect_seconds * 1000))
        handle.setopt(pycurl.TIMEOUT_MS, int(request.request_timeout * 1000))

    def _set_timeout(self, msecs: int) -> None:
        """Sets curl's one timer. kombu reads its milliseconds as seconds and never clears it."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.hub.call_later(msecs / 1000, self._timeout_check) if msecs >= 0 else None

    def _timeout_check(self, *args: Any, **kwargs: Any) -> None:
        if not self._closed:
            super()._timeout_check(*args, **kwargs)


def http_client(hub: Any) -> Any:
    """Returns the hub's HTTP client, which is ours from now on; the hub closes it with itself."""
    client = getattr(hub, "_current_http_client", None)
    if not isinstance(client, CurlClient):
        # The place where kombu's own get_client keeps it; there is no public one.
        client = hub._current_http_client = CurlClient(hub)  # noqa: SLF001
    return client


class Connection(AsyncSQSConnection):
    """The asynchronous client: a receive that fails in any way is logged, and is an answer."""

    def __init__(
        self, *args: Any, receive_seconds: float, visibility_seconds: int, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._visibility_seconds = visibility_seconds
        self._receive_seconds = receive_seconds
        self._seconds = receive_seconds

    def get_http_connection(self) -> Any:
        return AsyncHTTPSConnection(timeout=self._seconds, http_client=self._httpclient)

    def receive_message(self, *args: Any, **kwargs: Any) -> Any:
        """Receives messages, hidden for as long as a lease is, whatever the queue's own time is."""
        kwargs["visibility_timeout"] = self._visibility_seconds
        return super().receive_message(*args, **kwargs)

    def delete(self, queue_url: str, receipt_handle: str, callback: Callable[[Any], None]) -> None:
        """Deletes a message while other things go on; `callback` is given SQS' answer."""
        parameters = {"ReceiptHandle": receipt_handle}
        self._seconds = _DELETE_SECONDS
        try:
            self.make_request(
                "DeleteMessage", parameters, queue_url, "POST", callback=promise(callback)
            )
        finally:
            self._seconds = self._receive_seconds

    def _on_list_ready(self, parent: Any, markers: Any, operation: str, response: Any) -> Any:
        if response.status != self.STATUS_CODE_OK:
            log.warning(
                "receiving failed",
                status=response.status,
                reason=response.reason,
                body=(response.read() or b"")[:_LOGGED_CHARACTERS].decode(errors="replace"),
            )
            return FAILED
        try:
            return super()._on_list_ready(parent, markers, operation, response)
        except Exception:  # whatever a broken answer makes the parser raise
            log.warning("an answer could not be read", operation=operation, exc_info=True)
            return FAILED
