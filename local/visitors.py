"""Who may ask the emulator: programs that call it by its own name, and no web page.

Any page in a developer's browser can send requests to this machine: under the emulator's address,
or under a name of its own that it has made to lead here (DNS rebinding). The one shows in the
headers Origin and Sec-Fetch-Site, which scripts cannot change, the other in Host.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})
# Not from a page: from a program (no header at all), or typed by a person.
_NO_PAGE: Final = frozenset({"", "none"})


def names_of(address: str, more: Collection[str] = ()) -> frozenset[str]:
    """Returns the host names of an emulator that listens at `address`, and is called `more`."""
    own = {name.lower() for name in (address, *more)}
    return LOOPBACK | (own - _ANY_ADDRESS)


class Doorkeeper:
    """An application that answers only under some host names, and no web page."""

    def __init__(self, application: "WSGIApplication", names: Collection[str]) -> None:
        self._application = application
        self._names = names

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        reason = self._why_not(environ)
        if reason is None:
            return self._application(environ, start_response)
        body = f"{reason}\n".encode()
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),  # what there is of a body stays unread
        ]
        start_response("403 Forbidden", headers)
        return [body]

    def _why_not(self, environ: "WSGIEnvironment") -> str | None:
        if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "") not in _NO_PAGE:
            return "The emulator answers no web page."
        if _host_of(environ.get("HTTP_HOST", "")) not in self._names:
            return "The emulator answers under its own host names alone: see --allow-host."
        return None


def _host_of(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None
