"""Stands before the application and its cache, and counts before either does anything.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ defines the headers.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, request

from api.errors import TooManyRequestsError
from api.limiting import is_limited
from api.limiting.clients import Clients
from api.limiting.counting import Counter, Quota
from api.limiting.settings import Rate, RateLimit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY_HEADER: Final = "RateLimit-Policy"
QUOTA_HEADER: Final = "RateLimit"
_REJECTED: Final = "movies-r-us.rejected"  # in the environ: why Flask has to reject a request


class Limited:
    """The application and, before it, its cache; requests beyond the limit see neither."""

    def __init__(
        self, cached: "WSGIApplication", rejecting: "WSGIApplication", limit: RateLimit, rate: Rate
    ) -> None:
        self._cached = cached
        self._rejecting = rejecting
        self._rate = rate
        self._clients = Clients(limit)
        self._counter = Counter(rate)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not is_limited(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            return self._cached(environ, start_response)
        quota = self._counter.count(self._clients.name(environ))
        added = _headers(self._rate, quota)

        def start(
            status: str, headers: list[tuple[str, str]], *more: Any
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *added], *more)

        if quota.allowed:
            return self._cached(environ, start)
        environ[_REJECTED] = _say(self._rate, quota)
        return self._rejecting(environ, start)


def stand_before(
    cached: "WSGIApplication", rejecting: "WSGIApplication", limit: RateLimit
) -> "WSGIApplication":
    """Returns the application with the limit before it, or just as it is where there is none."""
    return cached if limit.rate is None else Limited(cached, rejecting, limit, limit.rate)


def limit_requests(app: Flask) -> None:
    """Makes a problem document or a page of what `Limited` rejects, before any view runs."""
    app.before_request(_reject)


def _reject() -> None:
    if (why := request.environ.get(_REJECTED)) is not None:
        raise TooManyRequestsError(why)


def _headers(rate: Rate, quota: Quota) -> list[tuple[str, str]]:
    headers = [
        (POLICY_HEADER, f'"default";q={rate.requests};w={rate.window_seconds}'),
        (QUOTA_HEADER, f'"default";r={quota.remaining};t={quota.reset_seconds}'),
    ]
    if not quota.allowed:
        headers.append(("Retry-After", str(quota.reset_seconds)))
    return headers


def _say(rate: Rate, quota: Quota) -> str:
    return (
        f"Too many requests: the limit is {rate.requests} in {rate.window_seconds} s. "
        f"Try again in {quota.reset_seconds} s."
    )
