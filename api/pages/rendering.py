"""How a page is written: by templates that see what they are given and nothing else, under a policy
that lets the browser ask this server alone and run no script that stands in a page.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import jinja2
import orjson
import sqlalchemy as sa
from flask import Response, request
from werkzeug.http import HTTP_STATUS_CODES

from api.audience import sees_imports
from api.caching import conditional
from api.errors import ApiError, Faults, InvalidError, TooManyRequestsError
from api.observe import request_id
from api.pages import figures, static
from api.problems import note_failure

CONTENT_TYPE: Final = "text/html; charset=utf-8"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    # Operators see more.
    "Vary": "Cookie, Authorization",
}

# No evaluated code and no styles written by scripts, which the policy forbids; pages are never
# kept by htmx itself, for the browser does that; our errors are pages like others.
_HTMX: Final = orjson.dumps(
    {
        "allowEval": False,
        "includeIndicatorStyles": False,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "selfRequestsOnly": True,
        "timeout": 10_000,
        "responseHandling": [
            {"code": "204|304", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "404|422|429|500|503", "swap": True},
            {"code": "...", "swap": False, "error": True},
        ],
    }
).decode()


@dataclasses.dataclass(frozen=True)
class Failure:
    """What a reader is told in place of an answer; `faults` are (parameter, message) pairs."""

    status: int
    title: str
    detail: str
    faults: Faults
    request_id: str

    @classmethod
    def of(cls, error: ApiError) -> "Failure":
        """Tells of an error of the API's own."""
        note_failure(error)
        return cls(
            error.status,
            HTTP_STATUS_CODES[error.status],
            "" if isinstance(error, InvalidError) else error.detail,
            error.faults,
            request_id(),
        )

    def message_for(self, name: str) -> str:
        """Returns what is wrong with a parameter, or nothing."""
        found = (message for field, message in self.faults if field.partition("[")[0] == name)
        return next(found, "")


def show(template: str, values: Mapping[str, Any], failure: Failure | None = None) -> Response:
    """Writes a page, or a part of one.

    `root` among the values is the way from the page to the search. Addresses are relative, so that
    pages work under any path that a proxy may put before them.
    """
    written = _templates().get_template(template).render(values, htmx=_HTMX, failure=failure)
    status = failure.status if failure else 200
    return Response(written, status, _HEADERS, content_type=CONTENT_TYPE)


def show_when_changed(
    template: str,
    ask: Callable[[], Any],
    find: Callable[[sa.Connection, Any], dict[str, Any]],
    given: Mapping[str, Any],
) -> Response:
    """Writes a page that depends on the movies alone, unless the browser has it already.

    `find` reads the values that the template is to show; it is filled in when the connection has
    been given back. What is wrong is told in the same page, which has then nothing but what was
    `given`.
    """
    try:
        return conditional(ask, find, lambda found: show(template, {**given, **found}))
    except ApiError as error:
        return show(template, given, Failure.of(error))


def show_failure(error: ApiError, root: str) -> Response:
    """Writes a page that tells of an error and of nothing else, and replaces no part of another.

    The message of a rate limit goes to the place for messages of the page that asked for a part.
    """
    alone = isinstance(error, TooManyRequestsError) and "HX-Request" in request.headers
    template = "failure_alone.html" if alone else "failure.html"
    answer = show(template, {"root": root}, Failure.of(error))
    answer.headers["HX-Reswap"] = "none"
    return answer


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("api.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (figures.count, figures.counted, figures.size, figures.duration):
        environment.filters[function.__name__] = function
    environment.filters |= {"moment": figures.moment, "machine": figures.machine_moment}
    environment.globals["static"] = static.address_of
    environment.globals["sees_imports"] = sees_imports
    return environment
