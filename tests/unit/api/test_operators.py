"""Signing in as an operator, and out again; the imports are behind it."""

import re

import pytest
from flask.testing import FlaskClient

from api.operators import COOKIE, SESSION_SECONDS, Operators
from tests.builders import OLD_SECRET, OPERATOR_TOKEN, SECRET
from tests.calling import make_api

HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def client() -> FlaskClient:
    return make_api(MRU_IMPORTS_VISIBILITY="operators").test_client()


def test_a_token_is_answered_with_a_cookie_that_opens_the_imports(client: FlaskClient) -> None:
    assert client.get("/ui/imports").status_code == 401
    answer = client.post("/ui/operator", data={"token": OPERATOR_TOKEN})
    assert (answer.status_code, answer.headers["Location"]) == (303, "imports")
    assert OPERATOR_TOKEN not in answer.headers["Set-Cookie"]
    # There is no database here: the request was let through to it.
    assert client.get("/ui/imports").status_code == 503
    assert client.get("/imports").status_code == 503
    assert "Sign out" in client.get("/ui/operator").text


def test_the_cookie_is_for_this_server_alone_and_no_script_reads_it(client: FlaskClient) -> None:
    answer = client.post("/ui/operator", data={"token": OPERATOR_TOKEN})
    parts = set(answer.headers["Set-Cookie"].split("; "))
    assert {"HttpOnly", "SameSite=Strict", f"Max-Age={SESSION_SECONDS}", "Path=/"} <= parts
    assert "Secure" not in parts
    answer = client.post("/ui/operator", data={"token": OPERATOR_TOKEN}, headers=HTTPS)
    assert "Secure" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": "x" * 900}, {"token": "é"}])
def test_a_wrong_token_gets_no_cookie(client: FlaskClient, form: dict[str, str]) -> None:
    answer = client.post("/ui/operator", data=form)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="operators"'
    assert "Set-Cookie" not in answer.headers
    assert "This is no operator&#39;s token." in answer.text


def test_a_body_that_is_too_long_is_rejected(client: FlaskClient) -> None:
    assert client.post("/ui/operator", data={"token": "x" * 100_000}).status_code == 413


def test_signing_out_ends_the_session(client: FlaskClient) -> None:
    client.post("/ui/operator", data={"token": OPERATOR_TOKEN})
    answer = client.post("/ui/operator", data={"sign_out": "yes"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "operator")
    assert client.get("/ui/imports").status_code == 401


def test_a_part_of_a_page_whose_session_ended_has_the_page_loaded_anew(
    client: FlaskClient,
) -> None:
    answer = client.get("/ui/imports/list", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (401, "true")


@pytest.mark.parametrize("path", ["/ui/imports", "/ui/imports/x", "/ui/imports/x/errors"])
def test_the_form_of_a_rejected_page_leads_to_the_same_place(
    client: FlaskClient, path: str
) -> None:
    (action,) = re.findall(r'<form [^>]*action="([^"]*)"', client.get(path).text)
    assert action == "../" * (path.count("/") - 1) + "ui/operator"


def test_while_tokens_are_replaced_both_are_valid_and_then_one() -> None:
    both, new = Operators((SECRET, OLD_SECRET)), Operators((SECRET,))
    old_session = Operators((OLD_SECRET,)).make_session(now=1_000_000)
    assert both.know_token(SECRET)
    assert both.know_token(OLD_SECRET)
    assert both.know_session(old_session, now=1_000_001)
    assert new.know_session(both.make_session(now=1_000_000), now=1_000_001)
    assert not new.know_token(OLD_SECRET)
    assert not new.know_session(old_session, now=1_000_001)


def test_a_session_ends_after_twelve_hours_and_cannot_be_prolonged() -> None:
    operators = Operators((SECRET,))
    cookie = operators.make_session(now=1_000_000)
    assert operators.know_session(cookie, now=1_000_000 + 12 * 3600 - 1)
    assert not operators.know_session(cookie, now=1_000_000 + 12 * 3600)
    end, _, signature = cookie.partition(".")
    assert not operators.know_session(f"{int(end) + 1}.{signature}", now=1_000_001)
    assert COOKIE not in cookie
