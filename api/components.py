"""What many operations of the API's document have in common: headers, parameters, problems."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import Schema, fields
from werkzeug.http import HTTP_STATUS_CODES

from schemas.movie import MovieSchema
from schemas.notification import NotificationSchema
from schemas.problem import PROBLEM_CONTENT_TYPE, ProblemSchema, problem
from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER

_REQUEST_ID: Final = "6a0f4c1e-52a4-4b0e-9a55-0f6b3f3a7c11"
_TAG: Final = 'W/"64685a57b7f31cd5524d5efdc1b79239"'


def _header(description: str, example: Any, **schema: Any) -> dict[str, Any]:
    return {
        "description": description,
        "schema": {"type": "string", **schema},
        "example": example,
    }


HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "X-Request-ID": _header(
        "The request's id, in every line of the logs: yours, if you sent one.", _REQUEST_ID
    ),
    "Link": _header(
        "The first page (rel first) and, where there are any, the one before (prev) and the one "
        "after (next): RFC 8288. The addresses are relative.",
        '</movies?title=the>; rel="first", </movies?title=the&cursor=WyIteWVh>; rel="next"',
    ),
    "X-Total-Count": _header(
        "How many movies were found, on all pages. Not with `count=none`.",
        128,
        type="integer",
        minimum=0,
    ),
    "X-Total-Relation": _header(
        "`eq`: exactly so many; `gte`: at least so many, for counting has bounds.",
        "eq",
        enum=["eq", "gte"],
    ),
    "ETag": _header(
        "Stands for the answer. Send it as If-None-Match with the same question, and you are told "
        "whether anything has changed.",
        _TAG,
    ),
    "Cache-Control": _header("Keep the answer, and ask before each use.", "public, no-cache"),
    "Vary": _header("The answer may be compressed.", "Accept-Encoding"),
    "Location": _header(
        "The address of the import.",
        "/imports/3f2b8f6e-52f4-5c43-8e0a-7f6f5a0c9a11",
        format="uri-reference",
    ),
    "Retry-After": _header(
        "After so many seconds it is worth trying again.", 5, type="integer", minimum=0
    ),
    "WWW-Authenticate": _header(
        "How a notification is signed, or that a token is needed.", "MRU-HMAC-SHA256"
    ),
    "RateLimit-Policy": _header(
        "How many requests (`q`) a client may send in a window of `w` seconds. Only where this API "
        "limits requests, here and below; probes and notifications are never limited. A client is "
        "an address or, where the API has given it one, the key that it sends as `X-API-Key`.",
        '"default";q=600;w=60',
    ),
    "RateLimit": _header(
        "How many requests (`r`) the client has left in its window, which ends in `t` seconds.",
        '"default";r=599;t=60',
    ),
    "Allow": _header("The methods that there are.", "GET, HEAD, OPTIONS"),
}
EVERYWHERE: Final = ("X-Request-ID", "RateLimit-Policy", "RateLimit")
TAGGED: Final = ("ETag", "Cache-Control", "Vary")


def _sent_header(name: str, description: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "required": False,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "X-Request-ID": _sent_header(
        "X-Request-ID",
        "Your own id for the request: up to 128 characters of ASCII. Others are replaced.",
        _REQUEST_ID,
    ),
    "If-None-Match": _sent_header(
        "If-None-Match", "The ETag of the answer that you have: RFC 9110, 13.1.2.", _TAG
    ),
}

OPERATOR: Final[Mapping[str, Any]] = {
    "type": "http",
    "scheme": "bearer",
    "description": "An operator's token. Needed where imports are for operators alone.",
}
# Where imports are public, nobody needs a token.
FOR_OPERATORS: Final[list[dict[str, list[str]]]] = [{}, {"Operator": []}]

# Both are needed: the one signs the other.
SIGNATURE: Final[Mapping[str, dict[str, Any]]] = {
    "Timestamp": {
        "type": "apiKey",
        "in": "header",
        "name": TIMESTAMP_HEADER,
        "description": "Whole seconds since 1970, UTC; a few minutes old at the most.",
    },
    "Signature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": "`v1=` and, in hexadecimal, the HMAC-SHA256 of the timestamp, a full stop, "
        "and the body, with the secret of the notifier.",
    },
}

# The operations say more by their own descriptions; these are examples.
_DETAILS: Final[Mapping[int, str]] = {
    401: "The signature does not match the body.",
    403: "The bucket is none of those whose objects are imported.",
    404: "There is no movie with the id 3f2b8f6e-52f4-5c43-8e0a-7f6f5a0c9a11.",
    408: "Send a request within 10 s.",
    411: "Send the body with a Content-Length.",
    413: "The body must not be longer than 65536 bytes.",
    415: "The body must be application/json.",
    422: "The request names 1 thing that is not right.",
    429: "Too many requests: the limit is 600 in 60 s. Try again in 12 s.",
    503: "The database does not answer.",
}
_FAULTS: Final[Mapping[int, list[tuple[str, str]]]] = {
    422: [("titel", "Unknown parameter. Did you mean title?")],
}
_HEADERS_OF: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    404: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
ANY_PROBLEM: Final = "Problem"


def problem_name(status: int) -> str:
    """Returns the name of the response for a status, in the words of werkzeug."""
    # The names of the standard library differ between versions of Python.
    return HTTP_STATUS_CODES[status].replace(" ", "")


def make_problems() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the responses for errors by their names, and the one for all other errors."""
    for status, detail in _DETAILS.items():
        title = HTTP_STATUS_CODES[status]
        example = problem(
            status, title, detail=detail, instance=_REQUEST_ID, errors=_FAULTS.get(status)
        )
        headers = _HEADERS_OF.get(status, ())
        yield problem_name(status), _problem_response(title, example, headers)
    other = problem(405, "Method Not Allowed", instance=_REQUEST_ID)
    yield ANY_PROBLEM, _problem_response("Any other error.", other, ("Allow",))


def _problem_response(
    description: str, example: dict[str, Any], headers: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "description": description,
        "headers": references(*headers),
        "content": {PROBLEM_CONTENT_TYPE: {"schema": ProblemSchema, "example": example}},
    }


def references(*names: str) -> dict[str, str]:
    """Returns references to some of HEADERS, and to those that every response has."""
    return {name: name for name in (*EVERYWHERE, *names)}


def example_of(schema: Schema | type[Schema]) -> Any:
    """Returns an example of a schema, made of those of its fields. Raises KeyError without one."""
    made = schema() if isinstance(schema, type) else schema
    example = {field.data_key or name: _example_of(field) for name, field in made.fields.items()}
    return [example] if made.many else example


def _example_of(field: fields.Field[Any]) -> Any:
    if isinstance(field, fields.Nested):
        return example_of(field.schema)
    if isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
        return [example_of(field.inner.schema)]
    return field.metadata["example"]


# Schemas that stand under a name of their own, for they differ from what is shown elsewhere.
SCHEMAS: Final[Mapping[str, Schema]] = {
    "NewMovie": MovieSchema(exclude=["id"]),  # as it is sent
    "PartialMovie": MovieSchema(partial=True),  # where only some fields may have been asked for
    "Notification": NotificationSchema(exclude=["id"]),  # ids are given here
}
SHOWN_WHOLE: Final = "Movie"
