"""What may be posted as a file of movies, before anything is stored."""

import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.bodies import POSTED_MAX_BYTES
from tests.builders import make_record
from tests.calling import make_api


@pytest.fixture
def client() -> FlaskClient:
    return make_api(MRU_ALLOW_POST_MOVIES="true").test_client()


def refused(client: FlaskClient, body: bytes, status: int, **request: Any) -> dict[str, Any]:
    answer = client.post("/movies", data=body, **{"content_type": "application/json"} | request)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    problem: dict[str, Any] = answer.get_json()
    return problem


def test_it_is_off_unless_somebody_allowed_it() -> None:
    problem = refused(make_api().test_client(), json.dumps([make_record()]).encode(), 403)
    assert "MRU_ALLOW_POST_MOVIES" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"", "body", "Must be JSON"),
        (b"{", "body", "Must be JSON"),
        (b"\xff", "body", "Must be JSON"),
        (b'[{"title": "x", "year": NaN}]', "body", "Must be JSON"),
        (b"[" * 100_000, "body", "Must be JSON"),
        (b'{"title": "x", "year": 2004}\n{"title": "y", "year": 2004}', "body", "Must be JSON"),
        (b"5", "body", "Must be a JSON array"),
        (b"null", "body", "Must be a JSON array"),
        (b"{}", "title", "Missing"),
        (b'{"title": "x", "year": "2004"}', "year", "Must be a whole number."),
        (b'[{"title": "x", "year": 2004}, 5]', "[1]", "A movie must be a JSON object."),
        (b'[{"title": " ", "year": 2004}]', "[0].title", "Must not be empty."),
        (
            b'[{"title": "x", "year": 2004, "cast": [null]}]',
            "[0].cast[0]",
            "Field may not be null.",
        ),
        (b'[{"title": "x", "year": 1e30}]', "[0].year", "Must be a whole number."),
        (b'[{"title": "x", "year": 99999999999999999999}]', "[0].year", "Must be a whole number."),
    ],
)
def test_a_bad_file_is_refused_and_the_fault_is_named(
    client: FlaskClient, body: bytes, field: str, message: str
) -> None:
    fault = refused(client, body, 422)["errors"][0]
    assert fault["field"] == field
    assert fault["message"].startswith(message)


@pytest.mark.parametrize("records", [50, 200])
def test_checking_ends_at_100_faults_and_says_so(client: FlaskClient, records: int) -> None:
    problem = refused(client, json.dumps([{}] * records).encode(), 422)
    assert problem["detail"] == (
        "The request names 100 things that are not right. "
        "There may be more: no further ones were looked for."
    )
    assert len(problem["errors"]) == 100


def test_fewer_faults_are_all_of_them(client: FlaskClient) -> None:
    problem = refused(client, json.dumps([{}] * 49).encode(), 422)
    assert problem["detail"] == "The request names 98 things that are not right."
    assert len(problem["errors"]) == 98


def test_a_body_of_nothing_but_faults_costs_no_more_than_a_hundred(client: FlaskClient) -> None:
    body = b"[" + b"{}," * (POSTED_MAX_BYTES // 3 - 1) + b"{}]"
    began = time.process_time()
    refused(client, body, 422)
    assert time.process_time() - began < 1  # 349,525 records cost ten


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_file_of_another_type_is_415(client: FlaskClient, kind: str) -> None:
    refused(client, b"[]", 415, content_type=kind)


def test_a_file_that_is_too_long_is_413(client: FlaskClient) -> None:
    refused(client, b"[" + b" " * POSTED_MAX_BYTES, 413)
    refused(client, b"[" + b" " * (POSTED_MAX_BYTES - 1), 422)


def test_a_bucket_that_is_not_there_is_503(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    problem = refused(client, b"[]", 503)
    assert problem["detail"] == "The bucket did not take the file."
