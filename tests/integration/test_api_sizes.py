"""How large answers are, where movies are as large as they may be and genres as many."""

import re
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient

from local.database import Dsns
from schemas.facets import GENRES_LISTED
from schemas.movie import CAST_MAX_NAMES, GENRES_MAX_NAMES, NAME_MAX_LENGTH, TITLE_MAX_LENGTH
from tests.calling import make_api
from tests.rows import make_movies

MEGABYTE = 1_000_000
FAT_MOVIES = 9
ODD_MOVIES = 1_500


def text(number: int, length: int) -> str:
    return f"{number} ".ljust(length, "\U00010437")  # four bytes, and a letter


FAT: list[dict[str, Any]] = [
    {
        "title": text(number, TITLE_MAX_LENGTH),
        "year": 2100,
        "cast": [text(number * 1_000 + at, NAME_MAX_LENGTH) for at in range(CAST_MAX_NAMES)],
        "genres": [text(at, NAME_MAX_LENGTH) for at in range(GENRES_MAX_NAMES)],
    }
    for number in range(FAT_MOVIES)
]


@pytest.fixture
def fat(database: Dsns) -> FlaskClient:
    make_movies(database.admin, FAT)
    return make_api(database.api).test_client()


@pytest.fixture
def odd(database: Dsns) -> FlaskClient:
    """Movies of 30,000 genres, and one genre that each of them has."""
    per_movie = GENRES_MAX_NAMES - 1
    sql = """
    INSERT INTO movies (id, import_id, title, year, genres)
    SELECT gen_random_uuid(), gen_random_uuid(), 'Odd ' || number, 2100, array_append((
        SELECT array_agg(rpad(number || '-' || each || ' ', %s, '"'))
        FROM generate_series(1, %s) AS each
    ), 'Usual')
    FROM generate_series(1, %s) AS number
    """
    with psycopg2.connect(database.admin) as connection, connection.cursor() as cursor:
        cursor.execute(sql, (NAME_MAX_LENGTH, per_movie, ODD_MOVIES))
        cursor.execute("INSERT INTO genres (name) SELECT DISTINCT unnest(genres) FROM movies")
    connection.close()
    return make_api(database.api).test_client()


def link(answer: Any, relation: str) -> str:
    found = re.search(rf'<([^>]+)>; rel="{relation}"', answer.headers["Link"])
    return found[1] if found else ""


@pytest.mark.parametrize("query", ["", "?limit=100", "?limit=100&sort=-title", "?count=none"])
def test_a_page_of_the_largest_movies_is_shortened_and_next_misses_none(
    fat: FlaskClient, query: str
) -> None:
    titles: list[str] = []
    forth, address = list[str](), f"/movies{query}"
    while address:
        answer = fat.get(address)
        assert len(answer.data) < MEGABYTE
        forth.append(address)
        titles += [movie["title"] for movie in answer.get_json()]
        address = link(answer, "next")
    assert len(forth) > 1
    assert sorted(titles) == sorted(movie["title"] for movie in FAT)
    back: list[str] = []
    address = link(answer, "prev")
    while address:
        answer = fat.get(address)
        assert len(answer.data) < MEGABYTE
        back = [movie["title"] for movie in answer.get_json()] + back
        address = link(answer, "prev")
    assert back == titles[: len(back)]
    assert len(back) >= FAT_MOVIES - 5


def test_what_a_numbered_page_has_left_out_is_reached_by_its_next_link(fat: FlaskClient) -> None:
    shortened = fat.get("/movies?page=1")
    assert len(shortened.get_json()) < FAT_MOVIES
    assert "cursor=" in link(shortened, "next")
    assert "page=2" in link(fat.get("/movies?page=1&limit=2"), "next")


@pytest.mark.parametrize("path", ["/", "/ui/search", "/ui/search?actor=%F0%90%90%B7", "/ui/facets"])
def test_a_page_of_the_largest_movies_shows_a_part_of_each(fat: FlaskClient, path: str) -> None:
    answer = fat.get(path)
    assert answer.status_code == 200
    assert len(answer.data) < MEGABYTE
    if "facets" not in path:
        assert len(re.findall('class="card"', answer.text)) > 2
        assert re.search(r"and 1\d\d more", answer.text)


def test_a_page_on_which_every_second_letter_is_found_is_bounded_too(database: Dsns) -> None:
    names = [f"{number} {'na' * 98}" for number in range(CAST_MAX_NAMES)]
    movies = [{"title": f"Film {number}", "cast": names, "genres": []} for number in range(20)]
    make_movies(database.admin, movies)
    client = make_api(database.api).test_client()
    for query in ("actor=n", "actor=n&actor=a"):
        answer = client.get(f"/ui/search?{query}")
        assert len(answer.data) < MEGABYTE
        assert len(re.findall('class="card"', answer.text)) == 20
        assert "<mark>n" in answer.text
        # Two names of the first and two of those found: with each, 300 letters are passed.
        assert len(re.findall(r'href="[^"]*\?actor=\d', answer.text)) == 20 * 4


def test_whom_the_search_found_is_shown_however_late_in_a_real_cast(database: Dsns) -> None:
    cast = [f"Somebody Else {number}" for number in range(60)]
    make_movies(database.admin, [{"title": "Crowd", "cast": [*cast, "Ada Lovelace"]}])
    page = make_api(database.api).test_client().get("/?actor=lovelace").text
    assert "Ada <mark>Lovelace</mark>" in page
    assert "and 55 more" in page


def test_of_very_many_genres_the_most_frequent_are_listed(odd: FlaskClient) -> None:
    answer = odd.get("/movies/facets")
    assert len(answer.data) < MEGABYTE
    facets = answer.get_json()
    assert len(facets["genres"]) == GENRES_LISTED
    assert facets["genres"][0] == {"name": "Usual", "count": ODD_MOVIES}
    assert facets["years"] == [{"year": 2100, "count": ODD_MOVIES}]
    assert facets["complete"]


def test_a_page_beside_very_many_genres_is_no_larger(odd: FlaskClient) -> None:
    answer = odd.get("/")
    assert len(answer.data) < MEGABYTE
    assert answer.text.count("<option value=") == 200 + 4  # and the four orders


def test_a_genre_is_offered_as_long_as_a_movie_has_it(database: Dsns) -> None:
    make_movies(
        database.admin,
        [
            {"title": "New", "year": 2020, "genres": ["Comedy"]},
            {"title": "Old", "year": 1900, "genres": ["Silent"]},
            {"title": "Between", "year": 1950, "genres": ["Western"]},
            {"title": "Gone", "year": 1901, "genres": ["!!! visit evil.example", "Comedy"]},
            *(
                {"title": f"Filler {number}", "year": year, "genres": ["Drama"]}
                for number in range(600)
                for year in (1940, 1960)
            ),
        ],
    )
    with psycopg2.connect(database.admin) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM movies WHERE title = 'Gone'")
        cursor.execute("INSERT INTO genres SELECT '!' || n FROM generate_series(1, 5000) AS n")
        cursor.execute("SELECT gin_clean_pending_list('movies_genres')")  # as a vacuum does
    connection.close()
    page = make_api(database.api).test_client().get("/").text
    offered = re.findall('<option value="([^"]+)">', page.partition("</datalist>")[0])
    assert offered == ["Comedy", "Drama", "Silent", "Western"]
