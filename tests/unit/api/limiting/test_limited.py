"""What a client sees of its limit: headers, problem documents and pages, and where it has none."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from api.limiting import counting
from api.pages import static
from schemas.problem import ProblemSchema
from tests.builders import OPERATOR_TOKEN, SECRET
from tests.calling import make_api, make_signed

HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After")
TEXT = "Too many requests: the limit is 2 in 3600 s. Try again in 3600 s."


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "time", SimpleNamespace(time=lambda: 1_800_000_000.0))


def limited(**environment: str) -> FlaskClient:
    return make_api(**{"MRU_RATE_LIMIT": "2/hour", **environment}).test_client()


def limits(answer: Any) -> dict[str, str]:
    return {name: answer.headers[name] for name in HEADERS if name in answer.headers}


def exhausted(**environment: str) -> FlaskClient:
    client = limited(**environment)
    assert [client.get("/openapi.json").status_code for _ in range(2)] == [200, 200]
    return client


def test_there_are_no_limits_and_no_headers_unless_they_are_set() -> None:
    client = make_api().test_client()
    for _ in range(20):
        assert limits(client.get("/openapi.json")) == {}


def test_every_response_says_what_is_left_and_a_rejected_one_when_to_come_again() -> None:
    client = limited()
    policy = {"RateLimit-Policy": '"default";q=2;w=3600'}
    for remaining in (1, 0):
        answer = client.get("/openapi.json")
        assert answer.status_code == 200
        assert limits(answer) == policy | {"RateLimit": f'"default";r={remaining};t=3600'}
    answer = client.get("/openapi.json")
    assert answer.status_code == 429
    assert limits(answer) == policy | {"RateLimit": '"default";r=0;t=3600', "Retry-After": "3600"}
    for name in limits(answer):
        assert len(answer.headers.get_all(name)) == 1


def test_a_rejected_request_gets_a_problem_document_that_any_page_may_read() -> None:
    client = exhausted()
    with capture_logs() as logs:
        answer = client.get("/movies", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 429
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert ProblemSchema().validate(problem) == {}
    expected = {"title": "Too Many Requests", "status": 429, "detail": TEXT, "instance": "mine"}
    assert problem == {"type": "about:blank", **expected}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert set(HEADERS) <= set(exposed)
    assert answer.headers["Cache-Control"] == "no-store"
    (line,) = logs  # and none of a database that was asked
    assert (line["event"], line["path"], line["status"]) == ("request served", "/movies", 429)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("GET", path) for path in ("/movies", "/suggest", "/imports", "/", "/nope", "/docs")],
        *[("HEAD", "/movies"), ("OPTIONS", "/movies"), ("POST", "/movies"), ("BREW", "/movies")],
        *[("GET", "/notifications"), ("GET", "/healthy"), ("GET", "/ui/statics")],
        *[("POST", "/notifications/"), ("GET", "/robots.txt"), ("POST", "/ui/operator")],
    ],
)
def test_every_other_request_counts_and_is_rejected(method: str, path: str) -> None:
    answer = exhausted().open(path, method=method)
    assert answer.status_code == 429
    assert limits(answer).keys() == set(HEADERS)


def test_a_rejected_request_cannot_try_out_tokens() -> None:
    client = exhausted(MRU_IMPORTS_VISIBILITY="operators")
    for token in (OPERATOR_TOKEN, "guessed"):
        asked = client.get("/imports", headers={"Authorization": f"Bearer {token}"})
        assert asked.status_code == 429


def test_probes_files_of_pages_and_notifications_are_never_limited() -> None:
    client = exhausted()
    signed = make_signed({"bucket": "somebody-elses", "key": "a"})
    for _ in range(5):
        answers = {
            200: client.get("/health/live"),
            503: client.get("/health/ready"),  # there is no database here
            304: client.get(f"/{static.address_of('icon.svg')}", headers={"If-None-Match": "*"}),
            403: client.post("/notifications", **signed),
        }
        for status, answer in answers.items():
            assert answer.status_code == status
            assert "RateLimit" not in answer.headers
            assert "RateLimit-Policy" not in answer.headers


def test_another_client_is_not_affected() -> None:
    client = exhausted(MRU_TRUSTED_PROXIES="1")
    for address, status in {"192.0.2.1": 200, "127.0.0.1": 429, "192.0.2.1, x": 429}.items():
        asked = client.get("/openapi.json", headers={"X-Forwarded-For": address})
        assert asked.status_code == status, address


def test_a_key_has_a_limit_of_its_own_and_an_invented_one_has_none() -> None:
    client = exhausted(MRU_RATE_LIMIT_KEY="api-key", MRU_API_KEYS=SECRET)
    assert client.get("/openapi.json", headers={"X-API-Key": "invented"}).status_code == 429
    for status in (200, 200, 429):
        answer = client.get("/openapi.json", headers={"X-API-Key": SECRET})
        assert answer.status_code == status
        assert SECRET not in answer.text


def test_a_page_says_so_in_words_and_a_part_of_one_says_it_in_its_page() -> None:
    client = exhausted()
    page = client.get("/")
    assert page.status_code == 429
    assert page.content_type == "text/html; charset=utf-8"
    assert "<!doctype html>" in page.text
    assert TEXT in page.text
    for path in ("/ui/search?title=x", "/ui/imports/list"):
        part = client.get(path, headers={"HX-Request": "true"})
        assert part.status_code == 429
        assert part.text.startswith('<div id="message" hx-swap-oob="innerHTML">')
        assert TEXT in part.text
        assert part.headers["HX-Reswap"] == "none"


def test_the_document_has_429_for_what_is_limited_and_for_nothing_else() -> None:
    document = make_api().test_client().get("/openapi.json").get_json()
    never = {
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters" and "429" not in operation["responses"]
    }
    assert never == {"get /health/live", "get /health/ready", "post /notifications"}
    rejected = document["components"]["responses"]["TooManyRequests"]
    assert set(HEADERS) <= rejected["headers"].keys()
