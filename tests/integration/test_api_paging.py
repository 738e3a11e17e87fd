"""Walking through what was found: in each order, forwards and backwards, by cursor and by page."""

import re
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from local.database import Dsns
from schemas.search import PAGE_MAXIMUM, Sort
from tests.calling import make_api
from tests.rows import make_movies

TITLES = [
    "Zorro",
    "amélie",
    "Amelie",
    "Ämter",
    "banana",
    "Éclair",
    "100% Wolf",
    "映画",
    "zorro",
    "É",
]
MOVIES = [
    {"title": title, "year": 1990 + number % 3, "cast": [str(number)], "genres": ["Drama"]}
    for number, title in enumerate(TITLES)
]


@pytest.fixture
def client(database: Dsns) -> FlaskClient:
    make_movies(database.admin, MOVIES)
    return make_api(database.api).test_client()


def get(client: FlaskClient, address: str) -> TestResponse:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer


def links(answer: TestResponse) -> dict[str, str]:
    found = re.findall(r'<([^<>]*)>; rel="(\w+)"', answer.headers["Link"])
    return {relation: address for address, relation in found}


def walk(client: FlaskClient, address: str, relation: str) -> list[list[dict[str, Any]]]:
    pages = []
    while address:
        answer = get(client, address)
        pages.append(answer.get_json())
        address = links(answer).get(relation, "")
        assert len(pages) <= len(MOVIES), "it goes in circles"
    return pages


def flat(pages: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [movie for page in pages for movie in page]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("limit", [1, 3, 10, 100])
def test_every_movie_is_met_once_in_each_order(client: FlaskClient, sort: Sort, limit: int) -> None:
    everything = get(client, f"/movies?sort={sort}&limit=100").get_json()
    assert len(everything) == len(MOVIES)
    assert flat(walk(client, f"/movies?sort={sort}&limit={limit}", "next")) == everything


@pytest.mark.parametrize("sort", Sort)
def test_the_way_back_leads_through_the_same_movies(client: FlaskClient, sort: Sort) -> None:
    everything = get(client, f"/movies?sort={sort}&limit=100").get_json()
    address = f"/movies?sort={sort}&limit=3"
    while (following := links(get(client, address)).get("next")) is not None:
        address = following
    pages = walk(client, address, "prev")
    assert flat(list(reversed(pages))) == everything
    assert {len(page) for page in pages} <= {1, 3}


def test_there_and_back_is_the_same_page(client: FlaskClient) -> None:
    first = get(client, "/movies?limit=4")
    assert "prev" not in links(first)
    second = get(client, links(first)["next"])
    back = get(client, links(second)["prev"])
    assert back.get_json() == first.get_json()
    assert get(client, links(back)["next"]).get_json() == second.get_json()


def test_orders_are_each_others_reverse(client: FlaskClient) -> None:
    for one, other in (("title", "-title"), ("year", "-year")):
        forwards = get(client, f"/movies?sort={one}").get_json()
        backwards = get(client, f"/movies?sort={other}").get_json()
        assert forwards == backwards[::-1]


def test_titles_are_sorted_without_regard_to_case_and_accents(client: FlaskClient) -> None:
    titles = [movie["title"] for movie in get(client, "/movies?sort=title").get_json()]
    assert [title.lower().replace("é", "e").replace("ä", "a") for title in titles] == [
        *("100% wolf", "amelie", "amelie", "amter", "banana", "e", "eclair", "zorro", "zorro"),
        "映画",
    ]


@pytest.mark.parametrize("sort", Sort)
def test_pages_by_number_are_the_pages_by_cursor(client: FlaskClient, sort: Sort) -> None:
    by_number = walk(client, f"/movies?sort={sort}&limit=3&page=1", "next")
    assert by_number == walk(client, f"/movies?sort={sort}&limit=3", "next")
    assert walk(client, f"/movies?sort={sort}&limit=3&page=4", "prev") == by_number[::-1]


def test_a_page_links_to_its_neighbours_by_number(client: FlaskClient) -> None:
    found = links(get(client, "/movies?page=2&limit=3&genre=drama"))
    assert found == {
        "first": "/movies?limit=3&genre=drama",
        "prev": "/movies?limit=3&genre=drama&page=1",
        "next": "/movies?limit=3&genre=drama&page=3",
    }


def test_a_page_beyond_the_last_is_empty(client: FlaskClient) -> None:
    answer = get(client, "/movies?page=50")
    assert answer.get_json() == []
    assert "next" not in links(answer)
    assert answer.headers["X-Total-Count"] == str(len(MOVIES))


def test_where_pages_end_a_cursor_leads_on(database: Dsns) -> None:
    many = [{"title": f"{n:03}", "year": 2000} for n in range(PAGE_MAXIMUM + 2)]
    make_movies(database.admin, many)
    client = make_api(database.api).test_client()
    last = get(client, f"/movies?page={PAGE_MAXIMUM}&limit=1&sort=title")
    assert [movie["title"] for movie in last.get_json()] == [f"{PAGE_MAXIMUM - 1:03}"]
    assert "cursor=" in links(last)["next"]
    following = get(client, links(last)["next"])
    assert [movie["title"] for movie in following.get_json()] == [f"{PAGE_MAXIMUM:03}"]
    refused = client.get(f"/movies?page={PAGE_MAXIMUM + 1}&limit=1")
    assert refused.status_code == 422
    (fault,) = refused.get_json()["errors"]
    assert fault["field"] == "page"
    assert "cursor" in fault["message"]


def test_a_cursor_outlives_its_movie(database: Dsns, client: FlaskClient) -> None:
    first = get(client, "/movies?sort=title&limit=4")
    rest = [movie["id"] for movie in get(client, "/movies?sort=title").get_json()[4:]]
    with psycopg2.connect(database.admin) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM movies WHERE id = %s", (first.get_json()[-1]["id"],))
    connection.close()
    following = walk(client, links(first)["next"], "next")
    assert [movie["id"] for movie in flat(following)] == rest


def test_a_cursor_of_another_search_is_refused_and_named(client: FlaskClient) -> None:
    address = links(get(client, "/movies?limit=3&genre=drama"))["next"]
    cursor = address.partition("cursor=")[2]
    for other in ("genre=dram", "genre=drama&sort=title", "", "genre=drama&year_from=1900"):
        answer = client.get(f"/movies?{other}&cursor={cursor}")
        assert answer.status_code == 422
        assert [fault["field"] for fault in answer.get_json()["errors"]] == ["cursor"]
    assert client.get(f"/movies?genre=drama&limit=1&cursor={cursor}").status_code == 200


@pytest.mark.parametrize("query", ["limit=3", "limit=3&page=1", "limit=100"])
def test_the_total_is_the_same_on_every_page(client: FlaskClient, query: str) -> None:
    address = f"/movies?{query}"
    while address:
        answer = get(client, address)
        assert answer.headers["X-Total-Count"] == str(len(MOVIES))
        assert answer.headers["X-Total-Relation"] == "eq"
        address = links(answer).get("next", "")


def test_what_is_not_found_is_counted_too(client: FlaskClient) -> None:
    for query in ("title=nothing", "genre=western", "title=nothing&page=3", "year=1870"):
        answer = get(client, f"/movies?{query}")
        assert answer.get_json() == []
        assert answer.headers["X-Total-Count"] == "0"


def test_counting_can_be_spared(client: FlaskClient) -> None:
    answer = get(client, "/movies?count=none&limit=3")
    assert "X-Total-Count" not in answer.headers
    assert "X-Total-Relation" not in answer.headers
    assert "count=none" in links(answer)["next"]


@pytest.mark.parametrize(
    "names", ["title", "year,title", "cast,genres", "id,title,year,cast,genres"]
)
@pytest.mark.parametrize("sort", Sort)
def test_only_the_fields_that_are_asked_for_are_answered(
    client: FlaskClient, names: str, sort: Sort
) -> None:
    whole = get(client, f"/movies?sort={sort}").get_json()
    pages = walk(client, f"/movies?limit=3&sort={sort}&fields={names}", "next")
    wanted = names.split(",")
    assert flat(pages) == [{name: movie[name] for name in wanted} for movie in whole]
