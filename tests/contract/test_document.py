"""The OpenAPI document says all that the API does, in the words of the schemas."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema

from api.announcing import AcceptedSchema
from api.components import example_of
from api.listing import BadRecordSchema, BadRecordsSearchSchema, LedgerSearchSchema
from schemas.facets import FacetsSchema
from schemas.imports import ImportSchema, ImportWithActionsSchema
from schemas.movie import MovieSchema, movie_id
from schemas.notification import NotificationSchema
from schemas.problem import ProblemSchema
from schemas.search import MovieFilterSchema, MovieSearchSchema
from schemas.suggestion import SuggestionSchema, SuggestSchema
from tests.calling import make_api

# For people, as all the pages are.
UNDOCUMENTED = {"/openapi.json", "/docs", "/docs/<name>"}


NO_EXAMPLE = {"cursor"}  # one of another search would be refused

SHOWN = (
    *(FacetsSchema(), SuggestionSchema(), ImportSchema(), BadRecordSchema()),
    ImportWithActionsSchema(),
    *(AcceptedSchema(), ProblemSchema()),
)


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
        if rule.rule not in UNDOCUMENTED and not rule.endpoint.startswith("pages.")
    }
    assert {(path, method) for path, method, _ in operations(document)} == served


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert {"default", "422"} <= operation["responses"].keys(), (path, method)
        for status, answer in responses(document, operation):
            wanted = "application/json" if status[0] == "2" else "application/problem+json"
            assert list(answer.get("content", {})) == ([] if status == "304" else [wanted])


def test_every_answer_has_an_example_and_every_problem_one_of_its_own(
    document: dict[str, Any],
) -> None:
    for _, _, operation in operations(document):
        for status, answer in responses(document, operation):
            for content in answer.get("content", {}).values():
                if status[0] == "2":
                    assert content["example"]
                else:
                    assert ProblemSchema().validate(content["example"]) == {}
                    assert status in ("default", str(content["example"]["status"]))


def test_every_header_of_an_answer_is_documented(document: dict[str, Any]) -> None:
    unchanged = set()
    for path, method, operation in operations(document):
        for status, answer in responses(document, operation):
            assert "X-Request-ID" in answer["headers"], (path, method, status)
            if status == "304":
                unchanged.add(path)
                assert {"ETag", "Cache-Control", "Vary"} <= answer["headers"].keys()
                ok = dict(responses(document, operation))["200"]
                assert answer["headers"].keys() <= ok["headers"].keys()
    assert unchanged == {"/movies", "/movies/{movie_id}", "/movies/facets", "/suggest"}


def test_every_parameter_says_what_it_is_and_shows_one(document: dict[str, Any]) -> None:
    for path, method, _ in operations(document):
        for parameter in parameters(document, path, method):
            what = (path, method, parameter["name"])
            assert parameter["description"], what
            shown = {"example", "default", "enum"} & {*parameter, *parameter["schema"]}
            assert shown or parameter["name"] in NO_EXAMPLE, what
            assert "type" in parameter["schema"], what


def test_operations_have_names_and_links_lead_to_them(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    leads = {
        link["operationId"]
        for _, _, operation in operations(document)
        for _, answer in responses(document, operation)
        for link in answer.get("links", {}).values()
    }
    assert leads == {"showMovie", "showImport", "listBadRecords"}
    assert leads <= set(names)


def test_nothing_in_the_document_is_there_for_nothing(document: dict[str, Any]) -> None:
    referred = set(re.findall(r'"#/components/(\w+/[^"]+)"', json.dumps(document)))
    there = {f"{kind}/{name}" for kind, named in document["components"].items() for name in named}
    referred |= {
        f"securitySchemes/{name}"
        for _, _, operation in operations(document)
        for required in operation.get("security", [])
        for name in required
    }
    assert referred == there
    assert '"default": null' not in json.dumps(document)


def test_a_movie_is_shown_whole_and_sent_with_what_it_needs(document: dict[str, Any]) -> None:
    required = {
        name: schema.get("required") for name, schema in document["components"]["schemas"].items()
    }
    assert required["Movie"] == ["id", "title", "year", "cast", "genres"]
    assert required["NewMovie"] == ["title", "year"]
    assert required["PartialMovie"] is None


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
        ("ImportWithActions", ImportWithActionsSchema),
        ("BadRecord", BadRecordSchema),
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
    found = parameters(document, path, "get")
    assert {parameter["name"] for parameter in found if parameter["in"] == "query"} == {
        field.data_key or name for name, field in schema().fields.items()
    }


@pytest.mark.parametrize(
    "schema",
    [*SHOWN, MovieSchema(), NotificationSchema(exclude=["id"])],
    ids=lambda schema: type(schema).__name__,
)
def test_the_examples_are_right(schema: Schema) -> None:
    example = example_of(schema)
    assert example.keys() == {field.data_key or name for name, field in schema.fields.items()}
    assert schema.validate(example) == {}


def test_the_example_of_an_import_accounts_for_every_record() -> None:
    example = example_of(ImportSchema())
    parts = ("inserted", "updated", "unchanged", "stale", "repeated", "rejected")
    assert example["read"] == sum(example[part] for part in parts)


def test_the_id_of_the_example_is_that_movies() -> None:
    example = example_of(MovieSchema())
    assert example["id"] == str(movie_id(example["title"], example["year"], example["cast"]))


def test_every_operation_says_what_it_is_for(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["tags"], (path, method)


def responses(
    document: dict[str, Any], operation: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in operation["responses"].items():
        yield status, resolve(document, answer)


def parameters(document: dict[str, Any], path: str, method: str) -> list[dict[str, Any]]:
    of_path = document["paths"][path].get("parameters", [])
    of_method = document["paths"][path][method].get("parameters", [])
    return [resolve(document, parameter) for parameter in (*of_path, *of_method)]


def resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolve(document, found)
