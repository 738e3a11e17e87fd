"""The OpenAPI document, made from the schemas and the views by flask-smorest.

Two things are ours: errors are problem documents in it, and queries are read strictly, by the very
schema that documents them.
"""

import functools
import http
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar, cast

import flask_smorest
import orjson
from flask import request
from flask_smorest.utils import prepare_response
from marshmallow import Schema

from api.caching import conditional
from api.parameters import read_query
from schemas.problem import PROBLEM_CONTENT_TYPE, ProblemSchema

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """What leaves a view's type as it is."""

    def __call__(self, view: View, /) -> View: ...


LINK: Final = {
    "Link": {
        "description": "The first page and, where one is, the next: RFC 8288, rel first and next.",
        "schema": {"type": "string"},
        "example": '</movies?cursor=WzIwMDQsIm...>; rel="next"',
    }
}
TOTAL: Final = {
    "X-Total-Count": {
        "description": "How many movies were found. Not with count=none.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Total-Relation": {
        "description": "Whether there are exactly so many (eq) or at least (gte).",
        "schema": {"type": "string", "enum": ["eq", "gte"]},
    },
}
LOCATION: Final = {
    "Location": {
        "description": "The address of the import.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}

CONFIG: Final[Mapping[str, Any]] = {
    "API_TITLE": "Movies-r-us",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.0.3",
    "API_SPEC_OPTIONS": {
        "info": {"description": "Movies from files in a bucket, searchable seconds later."}
    },
}


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest's document, with problem documents in place of its own errors."""

    ERROR_SCHEMA = ProblemSchema

    def render(self) -> bytes:
        """Returns the document as JSON."""
        return orjson.dumps(self.spec.to_dict(), option=orjson.OPT_INDENT_2)

    def _register_responses(self) -> None:
        for status in http.HTTPStatus:
            self._register_problem(status.name, status.phrase)
        self._register_problem(self.DEFAULT_ERROR_RESPONSE_NAME, "Any other error.")

    def _register_problem(self, name: str, description: str) -> None:
        response = {"description": description, "schema": ProblemSchema}
        prepare_response(response, self.spec, PROBLEM_CONTENT_TYPE)
        self.spec.components.response(name, response, lazy=True)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest's blueprint, with types, strict queries and problem documents."""

    def route(self, rule: str, **options: Any) -> Decorator:
        """Serves a view under `rule`."""
        return cast("Decorator", super().route(rule, **options))

    def query(self, schema: type[Schema]) -> Decorator:
        """Reads the query by `schema`, strictly, and passes it to the view as `query`."""
        reader = schema()

        def decorator(view: View) -> View:
            @functools.wraps(view)
            def read(*args: Any, **kwargs: Any) -> Any:
                return view(*args, query=read_query(reader, request.query_string), **kwargs)

            documented: View = self.doc(parameters=[{"in": "query", "schema": schema}])(read)
            return self.problems(http.HTTPStatus.UNPROCESSABLE_ENTITY)(documented)

        return decorator

    def documents(self, **operation: Any) -> Decorator:
        """Adds to what the document says of a view."""
        return cast("Decorator", self.doc(**operation))

    def answers(
        self,
        status: int,
        schema: Schema | type[Schema],
        *,
        description: str,
        headers: Mapping[str, Any] | None = None,
    ) -> Decorator:
        """Documents what a view answers when all is well."""
        return cast(
            "Decorator",
            self.response(status, schema, description=description, headers=headers),
        )

    def conditional(self, view: View) -> View:
        """Lends a view a connection, as `connection`, unless the client has its answer already."""
        documented: View = self.alt_response(304, description="The answer is the one you have.")(
            conditional(view)
        )
        return documented

    def problems(self, *statuses: int) -> Decorator:
        """Documents the errors that a view's caller has to reckon with."""

        def decorator(view: View) -> View:
            for status in statuses:
                view = self.alt_response(
                    status, schema=ProblemSchema, content_type=PROBLEM_CONTENT_TYPE
                )(view)
            return view

        return decorator
