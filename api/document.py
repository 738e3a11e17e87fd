"""The OpenAPI document, made from the schemas and the views by flask-smorest.

Ours are the errors, which are problem documents, and the queries, which are read strictly by the
very schema that documents them. The decorators here write down what they say of a view beside it,
and wrap it only where they change what it does.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar, cast

import flask_smorest
import orjson
import sqlalchemy as sa
from flask import Response, request
from flask_smorest.utils import deepupdate
from marshmallow import RAISE, Schema, fields

from api.answers import JSON_CONTENT_TYPE, Content
from api.caching import conditional
from api.components import (
    ANY_PROBLEM,
    HEADERS,
    OPERATOR,
    PARAMETERS,
    SCHEMAS,
    SHOWN_WHOLE,
    SIGNATURE,
    TAGGED,
    example_of,
    make_problems,
    problem_name,
    references,
)
from api.limiting import is_limited
from api.parameters import read_query
from schemas.search import MOVIE_FIELDS

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """What leaves a view's type as it is."""

    def __call__(self, view: View, /) -> View: ...


CONFIG: Final[Mapping[str, Any]] = {
    "API_TITLE": "Movies-r-us",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.0.3",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": "Movies from files in a bucket, searchable seconds later.\n\n"
            "Errors are problem documents (RFC 9457) that name what is wrong. Answers about movies "
            "have an ETag, and asking again with it is next to free. Answers above 1 KB are "
            "compressed for who accepts gzip. Any web page may read movies (CORS).",
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        }
    },
}


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest's document, with our components in place of its own."""

    DEFAULT_ERROR_RESPONSE_NAME = ANY_PROBLEM

    def render(self) -> bytes:
        """Returns the document as JSON."""
        document = self.spec.to_dict()
        schemas = document["components"]["schemas"]
        schemas[SHOWN_WHOLE]["required"] = list(MOVIE_FIELDS)
        for schema in schemas.values():
            _open(schema)
        return orjson.dumps(document, option=orjson.OPT_INDENT_2)

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        self.ma_plugin.converter.add_parameter_attribute_function(_separate_by_commas)

    def _register_responses(self) -> None:
        components = self.spec.components
        for name, header in HEADERS.items():
            components.header(name, header)
        for name, parameter in PARAMETERS.items():
            components.parameter(name, "header", parameter)
        for name, schema in SCHEMAS.items():
            components.schema(name, schema=schema)
        for name, response in make_problems():
            components.response(name, response)
        for name, scheme in SIGNATURE.items():
            components.security_scheme(name, dict(scheme))
        components.security_scheme("Operator", dict(OPERATOR))

    def _register_etag_headers(self) -> None:
        """Leaves out flask-smorest's own."""

    def _register_pagination_header(self) -> None:
        """Leaves out flask-smorest's own."""


def _open(schema: dict[str, Any]) -> None:
    # Clients have to live with fields that a later release adds.
    if schema.get("additionalProperties") is False:
        del schema["additionalProperties"]
    # What may be null is null where it is missing; that goes without saying.
    for field in schema["properties"].values():
        if field.get("default", ...) is None:
            del field["default"]


def _separate_by_commas(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    listed = field.metadata.get("type") == "array" and not isinstance(field, fields.List)
    return {"style": "form", "explode": False} if listed else {}


class _NothingSchema(Schema):
    """The query of whoever takes none."""

    class Meta:
        unknown = RAISE


_NOTHING: Final = _NothingSchema()


_CONDITIONAL: Final = {
    "200": {"headers": references(*TAGGED)},
    "304": {"description": "You have the answer.", "headers": references(*TAGGED)},
    "503": problem_name(503),
}


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest's blueprint, with types, strict queries and problem documents."""

    def route(self, rule: str, **options: Any) -> Decorator:
        """Serves a view under `rule`. One that reads no query refuses whatever stands in one."""
        register = super().route(rule, **options)
        methods = options.get("methods", ["GET"])
        limited = any(is_limited(method, rule) for method in methods)

        def decorator(view: View) -> View:
            strict = view if _described(view).get("reads_query") else _refuse_queries(view)
            _describe(strict, operationId=_camel_case(view.__name__))
            _describe(strict, parameters=["X-Request-ID"])
            self.problems(422, *([429] if limited else []))(strict)
            return cast("View", register(strict))

        return decorator

    def query(self, schema: type[Schema]) -> Decorator:
        """Reads the query by `schema`, strictly, and passes it to the view as `query`."""
        reader = schema()

        def decorator(view: View) -> View:
            @functools.wraps(view)
            def read(*args: Any, **kwargs: Any) -> Any:
                return view(*args, query=read_query(reader, request.query_string), **kwargs)

            _describe(read, parameters=[{"in": "query", "schema": schema}])
            _described(read)["reads_query"] = True
            return cast("View", read)

        return decorator

    def documents(self, **operation: Any) -> Decorator:
        """Adds to what the document says of a view."""
        return lambda view: _describe(view, **operation)

    def answers(
        self,
        status: int,
        schema: Schema | type[Schema],
        *,
        description: str,
        headers: Iterable[str] = (),
        links: Mapping[str, Any] | None = None,
    ) -> Decorator:
        """Documents what a view answers when all is well."""
        response: dict[str, Any] = {
            "description": description,
            "headers": references(*headers),
            "content": {JSON_CONTENT_TYPE: {"schema": schema, "example": example_of(schema)}},
        }
        if links:
            response["links"] = links
        return lambda view: _describe(view, responses={str(status): response})

    def conditional(self, schema: type[Schema] | None = None) -> Decorator:
        """Passes a connection to a view that answers from the movies alone, and a query if any.

        The view returns what its answer is to hold; that is written when the connection has been
        given back. Whoever has the answer already is told so in place of that.
        """
        reader = schema() if schema else _NOTHING

        def decorator(view: View) -> View:
            @functools.wraps(view)
            def answer(**path: Any) -> Response:
                def find(connection: sa.Connection, query: dict[str, Any]) -> Content:
                    known = {"query": query} if schema else {}
                    return cast("Content", view(connection, **path, **known))

                read = functools.partial(read_query, reader, request.query_string)
                return conditional(read, find, Content.write)

            _described(answer)["reads_query"] = True
            if schema:
                _describe(answer, parameters=[{"in": "query", "schema": schema}])
            _describe(answer, parameters=["If-None-Match"], responses=_CONDITIONAL)
            return cast("View", answer)

        return decorator

    def problems(self, *statuses: int) -> Decorator:
        """Documents the errors that a view's caller has to reckon with."""
        responses = {str(status): problem_name(status) for status in statuses}
        return lambda view: _describe(view, responses=responses)


def _refuse_queries(view: View) -> View:
    @functools.wraps(view)
    def refuse(*args: Any, **kwargs: Any) -> Any:
        read_query(_NOTHING, request.query_string)
        return view(*args, **kwargs)

    return cast("View", refuse)


def _described(view: Callable[..., Any]) -> dict[str, Any]:
    # Where flask-smorest looks for it.
    return cast("dict[str, Any]", view.__dict__.setdefault("_apidoc", {}))


def _describe(view: View, *, parameters: Iterable[Any] = (), **operation: Any) -> View:
    known = _described(view).setdefault("manual_doc", {})
    deepupdate(known, operation)
    known["parameters"] = [*parameters, *known.get("parameters", ())]
    return view


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
