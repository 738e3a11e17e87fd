"""The OpenAPI document says all that the API does, in the words of the schemas."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema

from api.listing import BadRecordSchema, BadRecordsSearchSchema, LedgerSearchSchema
from schemas.facets import FacetsSchema
from schemas.imports import ImportSchema
from schemas.movie import MovieSchema
from schemas.notification import NotificationSchema
from schemas.problem import ProblemSchema
from schemas.search import MovieFilterSchema, MovieSearchSchema
from schemas.suggestion import SuggestionSchema, SuggestSchema
from tests.calling import make_api

UNDOCUMENTED = {"/openapi.json", "/docs", "/docs/<name>"}


@pytest.fixture
def app() -> Flask:
    return make_api()


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/openapi.json")
    assert answer.content_type == "application/json"
    decoded: dict[str, Any] = answer.get_json()
    return decoded


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in methods.keys() - {"parameters"}:
            yield path, method, methods[method]


def test_every_route_is_documented_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in UNDOCUMENTED
    }
    assert {(path, method) for path, method, _ in operations(document)} == served


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert "default" in operation["responses"], (path, method)
        for status, answer in operation["responses"].items():
            content = resolve(document, answer).get("content", {})
            if status == "304":
                assert content == {}
                continue
            wanted = "application/json" if status[0] == "2" else "application/problem+json"
            assert list(content) == [wanted], (path, method, status)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert references
    for reference in references:
        assert resolve(document, {"$ref": reference})


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("Movie", MovieSchema),
        ("Facets", FacetsSchema),
        ("Suggestion", SuggestionSchema),
        ("Import", ImportSchema),
        ("BadRecord", BadRecordSchema),
        ("Notification", NotificationSchema),
        ("Problem", ProblemSchema),
    ],
)
def test_the_documents_schemas_are_the_codes(
    document: dict[str, Any], name: str, schema: type[Schema]
) -> None:
    assert set(document["components"]["schemas"][name]["properties"]) == {
        field.data_key or name for name, field in schema().fields.items()
    }


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/movies", MovieSearchSchema),
        ("/movies/facets", MovieFilterSchema),
        ("/suggest", SuggestSchema),
        ("/imports", LedgerSearchSchema),
        ("/imports/{import_id}/errors", BadRecordsSearchSchema),
    ],
)
def test_the_documents_parameters_are_the_codes(
    document: dict[str, Any], path: str, schema: type[Schema]
) -> None:
    parameters = document["paths"][path]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {
        field.data_key or name for name, field in schema().fields.items()
    }
    assert {parameter["in"] for parameter in parameters} == {"query"}


def test_the_examples_of_a_movie_and_a_notification_are_right(document: dict[str, Any]) -> None:
    for name, schema in (("Movie", MovieSchema), ("Notification", NotificationSchema)):
        properties = document["components"]["schemas"][name]["properties"]
        example = {
            field: properties[field]["example"]
            for field in properties
            if "example" in properties[field]
        }
        assert len(example) >= 2
        assert schema().validate(example) == {}


def test_every_operation_says_what_it_is_for(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["tags"], (path, method)


def resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolve(document, found)
