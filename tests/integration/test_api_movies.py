"""Searching movies in a real Postgres, over the API."""

import contextlib
import re
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from local.database import Dsns
from schemas.movie import MovieSchema
from tests.calling import make_api
from tests.rows import make_import, make_movie, make_movies
from worker.roles import API

MOVIES = [
    {"title": "National Treasure", "year": 2004, "cast": ["Nicolas Cage", "Diane Kruger"]},
    {"title": "Carmen", "year": 1915, "cast": ["Geraldine Farrar"], "genres": ["Drama"]},
    {"title": "Carmen", "year": 1915, "cast": ["Theda Bara"], "genres": ["Drama", "Silent"]},
    {"title": "Amélie", "year": 2001, "cast": ["Audrey Tautou"], "genres": ["Romantic Comedy"]},
    {"title": "100% Wolf", "year": 2020, "cast": [], "genres": ["Animated", "Comedy"]},
    {"title": "1000 Wolves", "year": 2020, "cast": ["Ann_Lee", "Annalee"], "genres": []},
    {"title": "Back\\slash", "year": 1999, "cast": ["Bob Hope", "Jo Black"], "genres": ["Noir"]},
    {"title": "Weiß", "year": 1998, "cast": ["Zoë Ångström"], "genres": ["Science Fiction"]},
]


@pytest.fixture
def client(database: Dsns) -> FlaskClient:
    make_movies(database.admin, MOVIES)
    return make_api(database.api).test_client()


def search(client: FlaskClient, query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/movies?{query}")
    assert answer.status_code == 200, answer.text
    movies: list[dict[str, Any]] = answer.get_json()
    return movies


def titles(client: FlaskClient, query: str) -> list[str]:
    return [movie["title"] for movie in search(client, query)]


def test_a_movie_is_shown_as_the_schema_says(client: FlaskClient) -> None:
    (movie,) = search(client, "title=national%20treasure")
    assert movie["title"] == "National Treasure"
    assert movie["year"] == 2004
    assert movie["cast"] == ["Nicolas Cage", "Diane Kruger"]
    assert movie["genres"] == ["Adventure"]
    assert set(movie) == set(MovieSchema().fields)
    assert MovieSchema(exclude=["id"]).validate({**movie}) == {}


def check(client: FlaskClient, expected: dict[str, list[str]]) -> None:
    assert {query: sorted(titles(client, query)) for query in expected} == expected


def test_titles_are_found_by_any_part_whatever_its_case_and_accents(client: FlaskClient) -> None:
    check(
        client,
        {
            "title=NATIONAL": ["National Treasure"],
            "title=l+t": ["National Treasure"],
            "title=amelie": ["Amélie"],
            "title=AM%C3%89LIE": ["Amélie"],
            "title=Ame%CC%81lie": ["Amélie"],
            "title=weiss": ["Weiß"],
            "title=wol": ["100% Wolf", "1000 Wolves"],
            "title=100&title=wolf": ["100% Wolf"],
            "title=x": [],
        },
    )


def test_wildcards_and_quotes_mean_themselves(client: FlaskClient) -> None:
    check(
        client,
        {
            "title=100%25": ["100% Wolf"],
            "title=%25": ["100% Wolf"],
            "title=%25%25": [],
            "title=_": [],
            "title=%5C": ["Back\\slash"],
            "title=%5C%25": [],
            "title=%27": [],
            "title=%22": [],
            "title=%25s": [],
            "title=%25(title)s": [],
            "title=:title": [],
            "actor=ann_lee": ["1000 Wolves"],
            "genre=%25": [],
        },
    )


def test_actors_are_found_one_at_a_time(client: FlaskClient) -> None:
    check(
        client,
        {
            "actor=bob": ["Back\\slash"],
            "actor=bob&actor=black": ["Back\\slash"],
            "actor=bob&actor=cage": [],
            "actor=zoe+angstrom": ["Weiß"],
            "actor=hope%0Ajo": [],
            "actor=hopejo": [],
            "actor=hope+jo": [],
            "actor=ca": ["National Treasure"],
        },
    )


def test_genres_are_found_by_any_part(client: FlaskClient) -> None:
    check(
        client,
        {
            "genre=comedy": ["100% Wolf", "Amélie"],
            "genre=COMED": ["100% Wolf", "Amélie"],
            "genre=comedy&genre=anim": ["100% Wolf"],
            "genre=comedy&genre=drama": [],
            "genre=western": [],
        },
    )


def test_years_are_exact_or_a_range(client: FlaskClient) -> None:
    check(
        client,
        {
            "year=2020": ["100% Wolf", "1000 Wolves"],
            "year_from=1999&year_to=2001": ["Amélie", "Back\\slash"],
            "year_to=1915": ["Carmen", "Carmen"],
            "year_from=2005": ["100% Wolf", "1000 Wolves"],
            "year=1999&year_from=2000": [],
        },
    )


def test_filters_are_combined(client: FlaskClient) -> None:
    check(
        client,
        {
            "title=wolf&genre=comedy&year=2020": ["100% Wolf"],
            "title=wolf&genre=comedy&year=2021": [],
            "title=carmen&actor=bara&genre=silent&year_from=1915": ["Carmen"],
        },
    )


def test_both_carmens_of_1915_are_found(client: FlaskClient) -> None:
    carmens = search(client, "title=carmen&year=1915")
    assert {movie["cast"][0] for movie in carmens} == {"Geraldine Farrar", "Theda Bara"}


def test_everything_is_there_when_nothing_is_asked_the_newest_first(client: FlaskClient) -> None:
    years = [movie["year"] for movie in search(client, "")]
    assert len(years) == len(MOVIES)
    assert years == sorted(years, reverse=True)


def test_pages_lead_through_everything_once(client: FlaskClient) -> None:
    seen, address = [], "/movies?limit=3&year_from=1900"
    for _ in range(len(MOVIES)):
        answer = client.get(address)
        page = answer.get_json()
        assert len(page) <= 3
        seen += [movie["id"] for movie in page]
        assert '</movies?limit=3&year_from=1900>; rel="first"' in answer.headers["Link"]
        following = re.search(r'<([^<>]*)>; rel="next"', answer.headers["Link"])
        if following is None:
            break
        address = following[1]
    everything = [movie["id"] for movie in search(client, "limit=100")]
    assert seen == everything
    assert len(set(seen)) == len(MOVIES)


def test_a_page_that_ends_with_the_last_movie_has_no_next(client: FlaskClient) -> None:
    answer = client.get(f"/movies?limit={len(MOVIES)}")
    assert 'rel="next"' not in answer.headers["Link"]


def test_a_cursor_beyond_everything_finds_nothing(client: FlaskClient) -> None:
    answer = client.get("/movies?year_to=1870")
    assert answer.get_json() == []
    assert answer.headers["Link"] == '</movies?year_to=1870>; rel="first"'


def test_one_movie_has_an_address(client: FlaskClient) -> None:
    (movie,) = search(client, "title=amelie")
    answer = client.get(f"/movies/{movie['id']}")
    assert answer.status_code == 200
    assert answer.get_json() == movie


def test_a_movie_that_is_not_there_is_404(client: FlaskClient) -> None:
    answer = client.get(f"/movies/{uuid.uuid4()}")
    assert answer.status_code == 404
    assert "There is no movie" in answer.get_json()["detail"]


def test_a_new_movie_is_found_at_once(database: Dsns, client: FlaskClient) -> None:
    assert titles(client, "genre=western") == []
    make_movie(database.admin, title="Shane", year=1953, genres=["Western"])
    make_import(database.admin)
    assert titles(client, "genre=western") == ["Shane"]


def test_a_search_that_takes_too_long_is_503(database: Dsns, client: FlaskClient) -> None:
    with psycopg2.connect(database.admin) as admin, admin.cursor() as cursor:
        cursor.execute(f'ALTER ROLE {API} IN DATABASE "{admin.info.dbname}" SET lock_timeout = 0')
    admin.close()
    with locked_movies(database):
        answer = client.get("/movies")
    assert answer.status_code == 503
    assert answer.get_json()["detail"] == "The database needed more than 3 seconds."
    counted = REGISTRY.get_sample_value("mru_api_database_errors_total", {"reason": "timeout"})
    assert counted
    assert answer.headers["Retry-After"] == "5"
    assert client.get("/movies").status_code == 200


def test_while_the_movies_are_locked_a_search_is_503(database: Dsns, client: FlaskClient) -> None:
    with locked_movies(database):
        answer = client.get("/movies")
    assert answer.status_code == 503
    assert answer.get_json()["detail"] == "The database is locked for maintenance."
    assert client.get("/movies").status_code == 200


@contextlib.contextmanager
def locked_movies(database: Dsns) -> Iterator[None]:
    admin = psycopg2.connect(database.admin)
    with contextlib.closing(admin), admin.cursor() as cursor:
        cursor.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        yield
