"""What browsers are told to forbid: the response headers that OWASP lists, on every response.

https://owasp.org/www-project-secure-headers/ names them. They are added before anything else sees
a response, so that responses from the cache have them as well.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FEATURES: Final = (
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope"),
    *("microphone", "midi", "payment", "usb"),
)
HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-Permitted-Cross-Domain-Policies", "none"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", ", ".join(f"{feature}=()" for feature in _FEATURES)),
)
# For everything that is no page. Pages have a policy of their own.
POLICY_HEADER: Final = (
    "Content-Security-Policy",
    "default-src 'none'; frame-ancestors 'none'",
)
# Of this host alone: what else its domain serves is not ours to decide.
STRICT_TRANSPORT: Final = ("Strict-Transport-Security", "max-age=31536000")

_SCHEME: Final = "HTTP_X_FORWARDED_PROTO"


class Protected:
    """The `application` with the headers on whatever it answers."""

    def __init__(self, application: "WSGIApplication") -> None:
        self.application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        secure = _is_https(environ)

        def start(
            status: str, headers: list[tuple[str, str]], *more: Any
        ) -> Callable[[bytes], object]:
            added = [*headers, *HEADERS]
            # A browser gives what it has the headers of a 304, and the page has its own policy.
            if not status.startswith("304") and all(
                name != POLICY_HEADER[0] for name, _ in headers
            ):
                added.append(POLICY_HEADER)
            if secure:
                added.append(STRICT_TRANSPORT)
            return start_response(status, added, *more)

        return self.application(environ, start)


def by_https(request: Any) -> bool:
    """Whether the client of a request speaks HTTPS, to us or to the load balancer before us."""
    return _is_https(request.environ)


def _is_https(environ: "WSGIEnvironment") -> bool:
    # Any client may send this header. One that lies about it gets headers for HTTPS, and nobody
    # else does, so that it need not be known which load balancer to believe.
    return "https" in (environ["wsgi.url_scheme"], environ.get(_SCHEME, "").lower())
