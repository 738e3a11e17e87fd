"""Web pages of any origin may read movies, and nothing else."""

import pytest
from flask.testing import FlaskClient

from tests.calling import make_api, make_signed

ORIGIN = {"Origin": "https://films.example"}


@pytest.fixture
def client() -> FlaskClient:
    return make_api().test_client()


@pytest.mark.parametrize("path", ["/openapi.json", "/movies?titel=x", "/movies/nope", "/suggest"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_any_page_may_read_whatever_the_answer_is(
    client: FlaskClient, method: str, path: str
) -> None:
    answer = client.open(path, method=method, headers=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"Link", "X-Total-Count", "X-Total-Relation", "ETag", "X-Request-ID"} <= exposed


@pytest.mark.parametrize(
    "path", ["/imports", "/imports/x", "/health/live", "/nope", "/moviesque", "/", "/ui/imports"]
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_page_may_read_anything_else(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method, headers=ORIGIN)
    assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == []


def test_a_page_may_ask_conditionally_after_asking_whether_it_may(client: FlaskClient) -> None:
    asked = {
        **ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "if-none-match",
    }
    answer = client.options("/movies", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_no_page_may_write(client: FlaskClient) -> None:
    asked = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = client.options("/notifications", headers=asked)
    assert "Access-Control-Allow-Methods" not in answer.headers
    answer = client.options("/movies", headers=asked)
    assert "POST" not in answer.headers["Access-Control-Allow-Methods"]
    signed = make_signed(b"not JSON")
    signed["headers"] |= ORIGIN
    answer = client.post("/notifications", **signed)
    assert "Access-Control-Allow-Origin" not in answer.headers
