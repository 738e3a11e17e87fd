"""What was found in numbers, and what is suggested to who is still typing."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from local.database import Dsns
from schemas.facets import FacetsSchema
from schemas.suggestion import SuggestionSchema
from tests.calling import make_api
from tests.rows import make_movies

MOVIES = [
    {"title": "National Treasure", "year": 2004, "cast": ["Nicolas Cage"], "genres": ["Adventure"]},
    {"title": "Carmen", "year": 1915, "cast": ["Theda Bara"], "genres": ["Drama", "Silent"]},
    {"title": "Carmen", "year": 1915, "cast": ["Geraldine Farrar"], "genres": ["Drama"]},
    {"title": "Carmen Jones", "year": 1954, "cast": ["Pearl Bailey"], "genres": ["Drama"]},
    {"title": "Amélie", "year": 2001, "cast": ["Audrey Tautou"], "genres": []},
]


@pytest.fixture
def client(database: Dsns) -> FlaskClient:
    make_movies(database.admin, MOVIES)
    return make_api(database.api).test_client()


def facets(client: FlaskClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/movies/facets?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    assert FacetsSchema().validate(found) == {}
    assert found["complete"] is True
    return found


def names(found: dict[str, Any]) -> dict[str, int]:
    return {genre["name"]: genre["count"] for genre in found["genres"]}


def years(found: dict[str, Any]) -> dict[int, int]:
    return {year["year"]: year["count"] for year in found["years"]}


def test_everything_is_counted_by_genre_and_year(client: FlaskClient) -> None:
    found = facets(client)
    assert list(names(found).items()) == [("Drama", 3), ("Adventure", 1), ("Silent", 1)]
    assert list(years(found).items()) == [(2004, 1), (2001, 1), (1954, 1), (1915, 2)]


def test_what_is_found_is_counted_and_nothing_else(client: FlaskClient) -> None:
    assert names(facets(client, "title=carmen&year_to=1920")) == {"Drama": 2, "Silent": 1}
    assert years(facets(client, "genre=drama&actor=ba")) == {1954: 1, 1915: 1}
    assert years(facets(client, "title=amelie")) == {2001: 1}


def test_where_nothing_is_found_there_is_nothing_to_count(client: FlaskClient) -> None:
    for query in ("title=nothing", "genre=western", "year=1999"):
        assert facets(client, query) == {"genres": [], "years": [], "complete": True}


@pytest.mark.parametrize("name", ["sort", "limit", "cursor", "page", "fields", "count"])
def test_what_belongs_to_pages_does_not_belong_here(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/movies/facets?{name}=1")
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [name]


def suggestions(client: FlaskClient, query: str) -> list[tuple[str, str]]:
    answer = client.get(f"/suggest?{query}")
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert SuggestionSchema(many=True).validate(found) == {}
    return [(suggestion["kind"], suggestion["text"]) for suggestion in found]


def test_titles_are_suggested_once_each(client: FlaskClient) -> None:
    assert sorted(suggestions(client, "term=carm")) == [
        ("title", "Carmen"),
        ("title", "Carmen Jones"),
    ]
    assert suggestions(client, "term=AMEL") == [("title", "Amélie")]
    assert suggestions(client, "term=nothing") == []


def test_what_is_suggested_finds_something(client: FlaskClient) -> None:
    for kind, text in suggestions(client, "term=ca&limit=20"):
        answer = client.get("/movies", query_string={kind: text})
        assert answer.get_json(), (kind, text)


def test_there_are_no_more_suggestions_than_asked_for(client: FlaskClient) -> None:
    assert len(suggestions(client, "term=a&limit=2")) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "term"),
        ("term=", "term"),
        ("term=%00", "term"),
        ("term=a&term=b", "term"),
        ("term=" + "x" * 201, "term"),
        ("term=a&limit=21", "limit"),
        ("q=a&term=a", "q"),
    ],
)
def test_a_wrong_question_is_refused_and_named(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"/suggest?{query}")
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
