"""An answer that the process has given before is given again, while it is true."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import kept
from api.protection import Protected
from local.database import Dsns
from schemas.movie import movie_id
from tests.builders import make_record
from tests.calling import make_api
from tests.rows import make_import, make_movie, make_movies

MOVIES = [{"title": f"Film {number}", "year": 1950 + number} for number in range(30)]
PATHS = ("/movies", "/movies?title=film", "/movies?title=nothing", "/movies/facets?title=film")


@pytest.fixture
def app(database: Dsns) -> Flask:
    make_movies(database.admin, MOVIES)
    return make_api(database.api)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@contextmanager
def movies_locked(database: Dsns) -> Iterator[None]:
    """Whoever looks at the movies meanwhile waits, and gets a 503 in the end."""
    locker = psycopg2.connect(database.admin)
    try:
        locker.cursor().execute("LOCK TABLE movies, genres IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        locker.close()


def without_id(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(pair for pair in headers if pair[0] != "X-Request-ID")


def test_a_second_answer_is_the_first_one_and_costs_no_look_at_the_movies(
    database: Dsns, client: FlaskClient
) -> None:
    for encoding in ("identity", "gzip"):
        asked = {"Accept-Encoding": encoding}
        firsts = {path: client.get(path, headers=asked) for path in PATHS}
        with movies_locked(database):
            for path, first in firsts.items():
                second = client.get(path, headers=asked)
                assert (second.status_code, second.data) == (200, first.data), path
                assert without_id(list(second.headers)) == without_id(list(first.headers)), path
                assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def test_an_import_ends_what_was_kept(database: Dsns, client: FlaskClient) -> None:
    before = client.get("/movies?title=treasure")
    assert client.get("/movies?title=treasure").get_json() == before.get_json() == []
    make_movie(database.admin)
    make_import(database.admin)
    after = client.get("/movies?title=treasure")
    assert [movie["title"] for movie in after.get_json()] == ["National Treasure"]
    assert after.headers["ETag"] != before.headers["ETag"]
    with movies_locked(database):
        assert client.get("/movies?title=treasure").get_json() == after.get_json()


def test_what_is_kept_packed_is_for_who_can_unpack_it(client: FlaskClient) -> None:
    packed = client.get("/movies", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/movies")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data


def test_a_kept_answer_is_logged_and_has_the_id_of_its_own_request(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.get("/movies")
    capsys.readouterr()
    answer = client.get("/movies", headers={"X-Request-ID": "mine"})
    assert answer.headers.get_all("X-Request-ID") == ["mine"]
    (line,) = capsys.readouterr().out.splitlines()
    for part in ("request served", "request_id=mine", "path=/movies", "status=200"):
        assert part in line


def test_who_knows_the_answer_is_told_so_by_a_process_that_never_gave_it(
    database: Dsns, client: FlaskClient
) -> None:
    tag = make_api(database.api).test_client().get("/movies").headers["ETag"]
    for _ in range(3):
        known = client.get("/movies", headers={"If-None-Match": tag})
        assert (known.status_code, known.data) == (304, b"")
        assert known.headers["ETag"] == tag
    assert len(client.get("/movies").get_json()) == 20


def test_errors_and_other_methods_are_not_kept(database: Dsns, client: FlaskClient) -> None:
    record = make_record()
    movie = f"/movies/{movie_id(record['title'], record['year'], record['cast'])}"
    assert client.get(movie).status_code == 404
    make_movie(database.admin)
    assert client.get(movie).status_code == 200  # without an import, hence at the same version
    assert client.head("/movies").data == b""
    assert len(client.get("/movies").get_json()) == 20
    assert client.head("/movies").data == b""


def test_a_database_that_is_gone_is_asked_once(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/movies").status_code == 200
    asked = []
    database = kept_by(app)._database
    ask = database.ask

    def count(question):
        asked.append(question)
        return ask(question)

    monkeypatch.setattr(database, "ask", count)
    database._settings = make_settings_of_nowhere()
    database.close()
    answer = client.get("/movies")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert len(asked) == 1


def kept_by(app: Flask) -> kept.KeptAnswers:
    assert isinstance(app.wsgi_app, Protected)
    assert isinstance(app.wsgi_app.application, kept.KeptAnswers)
    return app.wsgi_app.application


def make_settings_of_nowhere():
    return make_api().extensions["movies-r-us"].settings.database


def test_no_more_is_kept_than_there_is_room_for(app: Flask, client: FlaskClient) -> None:
    shelf = kept.Shelf(room=20_000)
    kept_by(app)._shelf = shelf
    for number in range(50):
        client.get(f"/movies?limit={number + 1}")
    assert shelf._taken <= 20_000
    assert shelf._taken == sum(answer.size for answer in shelf._answers.values())
    assert 1 <= len(shelf._answers) < 50
    last = client.get("/movies?limit=50")
    assert len(json.loads(last.data)) == 30
