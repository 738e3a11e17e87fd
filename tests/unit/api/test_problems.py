"""Every error is a problem document, whoever raised it, and none tells of the inside."""

from typing import Any

import pytest
from flask import abort
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from schemas.problem import ProblemSchema
from tests.calling import make_api, make_signed


@pytest.fixture
def client() -> FlaskClient:
    app = make_api()

    @app.get("/broken")
    def broken() -> Any:
        raise RuntimeError("the password is s3cret")

    @app.get("/abort/<int:status>")
    def give_up(status: int) -> Any:
        abort(status)

    return app.test_client()


def check(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    problem: dict[str, Any] = answer.get_json()
    assert ProblemSchema().validate(problem) == {}
    assert problem["status"] == status
    assert problem["instance"] == answer.headers["X-Request-ID"]
    return problem


@pytest.mark.parametrize("path", ["/nope", "/ui", "/movies/", "/movies/1", "/imports/x", "/docs/"])
def test_what_is_not_there_is_404(client: FlaskClient, path: str) -> None:
    check(client.get(path), 404)


@pytest.mark.parametrize("path", ["/movies/%FF", "/%00", "/movies/%2e%2e/health", "/movies%0d%0a"])
def test_odd_paths_are_404_too(client: FlaskClient, path: str) -> None:
    check(client.get(path), 404)


def test_doubled_slashes_lead_nowhere_rather_than_to_a_page_that_redirects(
    client: FlaskClient,
) -> None:
    check(client.get("/health//live"), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/movies", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("POST", "/movies/facets", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/imports", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/notifications", {"POST", "OPTIONS"}),
        ("BREW", "/movies", {"GET", "HEAD", "POST", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_405_and_the_right_ones_are_named(
    client: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.open(path, method=method)
    check(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_a_wrong_query_is_422_and_every_fault_is_named(client: FlaskClient) -> None:
    problem = check(client.get("/movies?titel=x&year=soon"), 422)
    assert problem["title"] == "Unprocessable Entity"
    assert problem["detail"] == "The request names 2 things that are not right."
    assert [fault["field"] for fault in problem["errors"]] == ["titel", "year"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/movies/6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11"),
        ("GET", "/imports/6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11"),
        ("GET", "/health/live"),
        ("POST", "/movies"),
        ("POST", "/notifications"),
    ],
)
def test_who_reads_no_query_ignores_none(client: FlaskClient, method: str, path: str) -> None:
    problem = check(client.open(f"{path}?fields=id", method=method), 422)
    (fault,) = problem["errors"]
    assert fault == {"field": "fields", "message": "Unknown parameter. There are none here."}
    check(client.open(f"{path}?a=%FF", method=method), 422)


@pytest.mark.parametrize("status", [400, 404, 406, 410, 413, 414, 429, 431, 500, 501, 503])
def test_what_flask_raises_is_a_problem_too(client: FlaskClient, status: int) -> None:
    check(client.get(f"/abort/{status}"), status)


def test_what_nobody_foresaw_is_500_and_only_the_log_says_why(client: FlaskClient) -> None:
    with capture_logs() as logs:
        answer = client.get("/broken")
    problem = check(answer, 500)
    assert "s3cret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert problem["title"] == "Internal Server Error"
    (line,) = [line for line in logs if line["event"] == "request failed"]
    assert "s3cret" in str(line["exc_info"])


def test_head_has_the_headers_of_an_error_and_no_body(client: FlaskClient) -> None:
    answer = client.head("/nope")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.data == b""


def test_a_database_that_is_not_there_is_503(client: FlaskClient) -> None:
    paths = ["/movies", "/movies?genre=action", "/imports", "/health/ready"]
    some_id = "6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11"
    paths += [f"/movies/{some_id}", f"/imports/{some_id}", f"/imports/{some_id}/errors"]
    for path in paths:
        answer = client.get(path)
        problem = check(answer, 503)
        assert "database does not answer" in problem["detail"]
        assert answer.headers["Retry-After"] == "5"


def test_the_process_is_alive_without_database_or_queue(client: FlaskClient) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "live"})


UNUSABLE = [
    (b"", "body", "Must be JSON"),
    (b"movies.json", "body", "Must be JSON"),
    (b'{"bucket": "movies-r-us", "key": "a"', "body", "Must be JSON"),
    (b'{"bucket": "\xff", "key": "a"}', "body", "Must be JSON"),
    (b'{"bucket": "movies-r-us", "key": "\\ud800"}', "body", "Must be JSON"),
    (b"[" * 5000, "body", "Must be JSON"),
    (b'{"bucket": "movies-r-us", "key": "a", "size": NaN}', "body", "Must be JSON"),
    (b"[]", "body", "Must be a JSON object."),
    (b"null", "body", "Must be a JSON object."),
    (b'{"key": "a"}', "bucket", "Missing data for required field."),
    (b'{"bucket": "movies-r-us"}', "key", "Missing data for required field."),
    (b'{"bucket": 7, "key": "a"}', "bucket", "Must be a string."),
    (b'{"bucket": "movies-r-us", "key": ""}', "key", "Must be 1 to 1024 bytes"),
    (b'{"bucket": "movies-r-us", "key": "a\\u0000"}', "key", "Must be 1 to 1024 bytes"),
    (b'{"bucket": "movies-r-us", "key": "a", "size": "1"}', "size", "Must be a whole number."),
    (b'{"bucket": "movies-r-us", "key": "a", "size": -1}', "size", "Must be between"),
    (b'{"bucket": "movies-r-us", "key": "a", "size": 1e30}', "size", "Must be a whole number."),
    (b'{"bucket": "movies-r-us", "key": "a", "event_time": "x"}', "event_time", "Not a valid"),
    (b'{"bucket": "movies-r-us", "key": "a", "sequencer": "x"}', "sequencer", "Must be 1 to"),
]


@pytest.mark.parametrize(("body", "field", "message"), UNUSABLE)
def test_a_malformed_notification_is_422_and_its_field_named(
    client: FlaskClient, body: bytes, field: str, message: str
) -> None:
    problem = check(client.post("/notifications", **make_signed(body)), 422)
    (fault,) = problem["errors"]
    assert fault["field"] == field
    assert fault["message"].startswith(message)


def test_a_notification_of_another_type_is_415(client: FlaskClient) -> None:
    signed = make_signed({"bucket": "movies-r-us", "key": "a"})
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post("/notifications", **signed | {"content_type": content_type})
        check(answer, 415)


def test_a_notification_of_more_than_64_kilobytes_is_413(client: FlaskClient) -> None:
    check(client.post("/notifications", **make_signed(b" " * 65537)), 413)
    check(client.post("/notifications", **make_signed(b" " * 65536)), 422)


def test_a_bucket_that_is_not_ours_is_403(client: FlaskClient) -> None:
    body = {"bucket": "somebody-elses", "key": "a"}
    problem = check(client.post("/notifications", **make_signed(body)), 403)
    assert "somebody-elses" not in problem["detail"]


def test_an_unsigned_stale_or_forged_notification_is_401(client: FlaskClient) -> None:
    body = {"bucket": "movies-r-us", "key": "a"}
    unsigned = make_signed(body) | {"headers": {}}
    stale = make_signed(body, timestamp=1_000_000_000)
    forged = make_signed(body, secret="guessed")
    changed = make_signed(body) | {"data": b'{"bucket": "movies-r-us", "key": "b"}'}
    for request in (unsigned, stale, forged, changed):
        answer = client.post("/notifications", **request)
        check(answer, 401)
        assert "WWW-Authenticate" in answer.headers


def test_what_is_not_signed_is_not_read(client: FlaskClient) -> None:
    check(client.post("/notifications", **make_signed(b"not JSON", secret="guessed")), 401)


def test_a_queue_that_is_not_there_is_503(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    answer = client.post(
        "/notifications", **make_signed({"bucket": "movies-r-us", "key": "movies.json"})
    )
    problem = check(answer, 503)
    assert problem["detail"].startswith("The queue did not take the notification.")
    assert answer.headers["Retry-After"] == "5"
