"""Each request has an id, which it keeps from end to end, and one line in the log."""

import uuid

import pytest
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from tests.calling import make_api


@pytest.fixture
def client() -> FlaskClient:
    return make_api().test_client()


@pytest.mark.parametrize("given", ["C3D13FE58DE4C810", "a", "x" * 128, "with space ~!"])
def test_a_usable_id_is_kept(client: FlaskClient, given: str) -> None:
    answer = client.get("/health/live", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "Am\u00e9lie", "a\tb", "\x7f"])
def test_any_other_is_replaced(client: FlaskClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given}
    kept = client.get("/health/live", headers=headers).headers["X-Request-ID"]
    assert uuid.UUID(kept).version == 4


def test_a_request_leaves_one_line(client: FlaskClient) -> None:
    with capture_logs() as logs:
        client.get("/movies?titel=x", headers={"X-Request-ID": "abc"})
    (line,) = logs
    assert line.pop("seconds") >= 0
    assert line == {
        "event": "request served",
        "log_level": "info",
        "method": "GET",
        "path": "/movies",
        "status": 422,
    }


def test_probes_that_succeed_are_not_worth_a_line(client: FlaskClient) -> None:
    with capture_logs() as logs:
        client.get("/health/live")
    assert [line["log_level"] for line in logs] == ["debug"]


def test_what_a_request_bound_does_not_stay_with_its_thread(client: FlaskClient) -> None:
    client.get("/health/live")
    assert "request_id" not in structlog.contextvars.get_contextvars()
