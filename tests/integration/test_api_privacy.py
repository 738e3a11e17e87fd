"""Who sees what: each visibility of the imports, each address, each kind of sender."""

import dataclasses
import time
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient

from api.operators import COOKIE, Operators
from api.settings import Visibility
from local.database import Dsns
from tests.addresses import Address, addresses_of
from tests.builders import OPERATOR_TOKEN
from tests.calling import AS_OPERATOR, make_api
from tests.rows import make_action, make_bad_record, make_import, make_movie

KEY = "customers-of-acme.json"
NAME = "ada-lovelace@ops-1"
REASON = "ticket SEC-1234"
RECORD = "jane.doe@example.com"
MESSAGE = "Must be a year of the test."

WRITING = {"/movies", "/notifications", "/ui/operator"}
SIGN_IN = "/ui/operator"


def _session(token: str, *, made: float) -> Mapping[str, str]:
    cookie = Operators((token,)).make_session(now=made)
    return {"Cookie": f"{COOKIE}={cookie}"}


def make_senders() -> dict[str, tuple[str, Mapping[str, str]]]:
    """Returns headers of senders by name, and what kind of sender each is."""
    now = time.time()
    wrong = "not-" + OPERATOR_TOKEN
    return {
        "nobody": ("anonymous", {}),
        "other scheme": ("anonymous", {"Authorization": "Basic dXNlcjpwYXNz"}),
        "ended session": ("anonymous", _session(OPERATOR_TOKEN, made=now - 13 * 3600)),
        "forged session": ("anonymous", _session(wrong, made=now)),
        "endless session": ("anonymous", _session(OPERATOR_TOKEN, made=now + 13 * 3600)),
        "broken session": ("anonymous", {"Cookie": f"{COOKIE}=1.\u0661"}),
        "wrong token": ("wrong", {"Authorization": f"Bearer {wrong}"}),
        "no token": ("wrong", {"Authorization": "Bearer"}),
        "wrong token in a session": (
            "wrong",
            {"Authorization": f"Bearer {wrong}", **_session(OPERATOR_TOKEN, made=now)},
        ),
        "token": ("operator", AS_OPERATOR),
        "session": ("operator", _session(OPERATOR_TOKEN, made=now)),
    }


def expected_status(address: Address, method: str, visibility: str, kind: str) -> int:
    """The matrix, in one place."""
    of_imports = "imports" in address.rule.split("/")
    if method == "OPTIONS" and not of_imports:
        return 200
    if address.rule != SIGN_IN and not of_imports:
        return 200
    if visibility == "off":
        return 404
    if kind == "wrong":
        return 401
    if of_imports and visibility == "operators" and kind == "anonymous":
        return 401
    return 200


@dataclasses.dataclass(frozen=True)
class Case:
    """The API with something to hide, and all its addresses that can be read."""

    client: FlaskClient
    addresses: list[Address]


def make_case(database: Dsns, **environment: str) -> Case:
    movie = make_movie(database.admin)
    failed = make_import(
        database.admin,
        key=KEY,
        status="undone",
        error=f"Undone by {NAME}: {REASON}",
        read=1,
        rejected=1,
        bad_records=1,
        retried_by=NAME,
        retry_reason=REASON,
    )
    fault = {"field": "year", "message": MESSAGE}
    make_bad_record(database.admin, failed, 1, faults=[fault], raw=RECORD)
    make_action(database.admin, failed, "retry", actor=NAME, reason=REASON)
    app = make_api(database.api, **environment)
    addresses = list(addresses_of(app, movie=movie, import_=failed))
    assert {each.rule for each in addresses if "POST" in each.methods} == WRITING
    reading = [each for each in addresses if "GET" in each.methods]
    return Case(app.test_client(use_cookies=False), reading)


@pytest.mark.parametrize("shown", ["true", "false"])
@pytest.mark.parametrize("visibility", Visibility)
def test_everybody_sees_what_is_theirs_and_no_more(
    database: Dsns, visibility: str, shown: str
) -> None:
    case = make_case(database, MRU_IMPORTS_VISIBILITY=visibility, MRU_SHOW_INVALID_RECORDS=shown)
    assert len(case.addresses) > 20
    for sender, (kind, headers) in make_senders().items():
        seen = ""
        for address in case.addresses:
            for method in ("GET", "HEAD", "OPTIONS"):
                answer = case.client.open(address.path, method=method, headers=headers)
                status = expected_status(address, method, visibility, kind)
                assert answer.status_code == status, (address, method, sender, answer.text)
                if status == 401:
                    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="operators"'
                seen += answer.text
        sees_imports = visibility != "off" and (kind == "operator" or visibility == "public")
        assert ("ui/imports" in seen) is sees_imports, sender
        full = kind == "operator" and visibility != "off"
        listed = full or (visibility == "public" and kind == "anonymous")
        assert (KEY in seen, MESSAGE in seen) == (listed, listed), sender
        assert (NAME in seen, REASON in seen) == (full, full), sender
        assert (RECORD in seen) is (full or (listed and shown == "true")), sender


def test_without_a_token_imports_for_operators_say_why_nobody_sees_them(database: Dsns) -> None:
    case = make_case(database, MRU_IMPORTS_VISIBILITY="operators", MRU_OPERATOR_TOKEN="")
    for _, headers in make_senders().values():
        answer = case.client.get("/imports", headers=headers)
        assert answer.status_code == 403
        assert answer.get_json()["detail"] == (
            "Operators cannot sign in: this API has no operator token."
        )
        assert case.client.get("/ui/imports", headers=headers).status_code == 403
        assert case.client.get("/ui/operator", headers=headers).status_code == 403


def test_without_a_token_public_imports_are_public_to_everybody(database: Dsns) -> None:
    case = make_case(database, MRU_IMPORTS_VISIBILITY="public", MRU_OPERATOR_TOKEN="")
    for _, headers in make_senders().values():
        answer = case.client.get("/imports", headers=headers)
        assert answer.status_code == 200
        assert NAME not in answer.text


def test_a_page_about_films_is_another_for_operators(database: Dsns) -> None:
    case = make_case(database, MRU_IMPORTS_VISIBILITY="operators")
    anonymous = case.client.get("/")
    assert "Cookie" in anonymous.headers["Vary"]
    known = {"If-None-Match": anonymous.headers["ETag"]}
    assert case.client.get("/", headers=known).status_code == 304
    answer = case.client.get("/", headers={**known, **AS_OPERATOR})
    assert answer.status_code == 200
    assert "ui/imports" in answer.text
