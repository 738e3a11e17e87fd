"""An answer is kept by whoever asked, and asked for again for next to nothing."""

import gzip

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from local.database import Dsns
from tests.calling import make_api
from tests.rows import make_import, make_movie, make_movies

MOVIES = [{"title": f"Film {number}", "year": 1950 + number} for number in range(30)]
SHARED = ("ETag", "Cache-Control", "Vary", "Access-Control-Allow-Origin")


@pytest.fixture
def app(database: Dsns) -> Flask:
    make_movies(database.admin, MOVIES)
    return make_api(database.api)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def tag_of(client: FlaskClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["ETag"]


def addresses(client: FlaskClient) -> list[str]:
    movie = client.get("/movies?limit=1").get_json()[0]["id"]
    searches = ["/movies", "/movies?title=film", "/movies?count=none", "/movies?title=nothing"]
    beside = ["/movies/facets", "/movies/facets?title=film", "/suggest?term=film", "/openapi.json"]
    return [*searches, f"/movies/{movie}", *beside]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_has_not_changed_is_not_sent_again(client: FlaskClient, method: str) -> None:
    for path in addresses(client):
        whole = client.get(path)
        assert whole.headers["Cache-Control"] == "public, no-cache"
        headers = {"If-None-Match": whole.headers["ETag"]}
        answer = client.open(path, method=method, headers=headers)
        assert (answer.status_code, answer.data) == (304, b""), path
        assert [answer.headers[name] for name in SHARED] == [whole.headers[name] for name in SHARED]
        assert answer.headers["X-Request-ID"] != whole.headers["X-Request-ID"]
        assert "Content-Type" not in answer.headers


def test_an_import_changes_every_tag_of_movies(database: Dsns, client: FlaskClient) -> None:
    tags = {path: tag_of(client, path) for path in addresses(client) if path != "/openapi.json"}
    publish(database)
    for path, tag in tags.items():
        answer = client.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == 200
        assert answer.headers["ETag"] != tag


def publish(database: Dsns) -> None:
    """Commits an import, as the worker would."""
    make_movie(database.admin)
    make_import(database.admin)


def test_a_new_movie_is_seen_by_who_asks_with_an_old_tag(
    database: Dsns, client: FlaskClient
) -> None:
    tag = tag_of(client, "/movies?title=treasure")
    publish(database)
    answer = client.get("/movies?title=treasure", headers={"If-None-Match": tag})
    assert [movie["title"] for movie in answer.get_json()] == ["National Treasure"]


def test_other_questions_have_other_tags(client: FlaskClient) -> None:
    queries = [
        "",
        "?title=film",
        "?title=films",
        "?limit=5",
        "?sort=title",
        "?fields=id",
        "?page=2",
    ]
    paths = [f"/movies{query}" for query in queries]
    assert len({tag_of(client, path) for path in paths}) == len(paths)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{tag}", 304),
        ("{strong}", 304),
        ('"other", {tag}', 304),
        ("{tag}, W/", 304),
        ("*", 304),
        ('"other"', 200),
        ('W/"other"', 200),
        ("", 200),
        ('"', 200),
        (",,,", 200),
        ("W/", 200),
    ],
)
def test_tags_are_compared_weakly(client: FlaskClient, header: str, status: int) -> None:
    tag = tag_of(client, "/movies")
    sent = header.format(tag=tag, strong=tag.removeprefix("W/"))
    assert client.get("/movies", headers={"If-None-Match": sent}).status_code == status


def test_a_star_does_not_make_a_movie_that_is_not_there(client: FlaskClient) -> None:
    path = "/movies/6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11"
    answer = client.get(path, headers={"If-None-Match": "*"})
    assert answer.status_code == 404
    assert "ETag" not in answer.headers


def test_the_tag_is_of_the_movies_and_not_of_their_encoding(client: FlaskClient) -> None:
    plain = client.get("/movies")
    packed = client.get("/movies", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert plain.headers["ETag"] == packed.headers["ETag"]
    assert plain.headers["ETag"].startswith('W/"')  # for the bytes are not the same
    known = {"If-None-Match": plain.headers["ETag"], "Accept-Encoding": "gzip"}
    assert client.get("/movies", headers=known).status_code == 304


def test_who_has_the_answer_costs_no_look_at_the_movies(
    database: Dsns, client: FlaskClient
) -> None:
    paths = [path for path in addresses(client) if path != "/openapi.json"]
    tags = {path: tag_of(client, path) for path in paths}
    locker = psycopg2.connect(database.admin)
    try:
        locker.cursor().execute("LOCK TABLE movies, genres IN ACCESS EXCLUSIVE MODE")
        for path, tag in tags.items():
            assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    finally:
        locker.close()


def test_a_wrong_question_is_refused_whatever_tag_comes_with_it(client: FlaskClient) -> None:
    for tag in ("*", tag_of(client, "/movies")):
        answer = client.get("/movies?titel=x", headers={"If-None-Match": tag})
        assert answer.status_code == 422


def test_what_has_no_tag_is_not_kept(client: FlaskClient) -> None:
    paths = ("/nope", "/movies?titel=x", "/imports", "/health/live", "/health/ready")
    for path in paths:
        answer = client.get(path)
        assert "ETag" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
