"""The page of one import, as far as it tells what operators did to it."""

import re
import uuid
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from local.database import Dsns
from schemas.imports import ActionKind
from tests.calling import AS_OPERATOR, make_api
from tests.rows import make_action, make_alias, make_import

DID = "What operators did"
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def client(database: Dsns) -> FlaskClient:
    return make_api(database.api).test_client()


def facts(text: str) -> list[str]:
    """Returns what stands under the heading, a text for each thing that was done."""
    listed = text.partition(DID)[2].partition("</dl>")[0]
    plain = [re.sub(r"<[^>]*>", " ", item) for item in listed.split("<div>")[1:]]
    return [" ".join(item.split()) for item in plain]


def test_the_page_tells_what_operators_did_and_why(database: Dsns, client: FlaskClient) -> None:
    made, alias = make_import(database.admin, status="undone"), uuid.uuid4()
    make_alias(database.admin, alias, made)
    make_action(database.admin, made, "redrive", at=NOW, actor="grace", reason="S3 <is> back")
    make_action(database.admin, made, "undo", at=NOW, actor="ada@ops-1")
    for name in (made, alias):
        redriven, undone = facts(client.get(f"/ui/imports/{name}", headers=AS_OPERATOR).text)
        assert redriven.startswith("Redriven ")
        assert redriven.endswith(" grace: S3 &lt;is&gt; back")
        assert undone.startswith("Undone ")
        assert undone.endswith(" ada@ops-1")


@pytest.mark.parametrize("kind", ActionKind)
def test_the_page_has_a_word_for_all_that_can_be_done(
    database: Dsns, client: FlaskClient, kind: ActionKind
) -> None:
    made = make_import(database.admin)
    make_action(database.admin, made, kind)
    (told,) = facts(client.get(f"/ui/imports/{made}").text)
    assert re.match(r"[A-Z][a-z]+ ", told)


def test_nothing_is_told_where_nobody_did_anything(database: Dsns, client: FlaskClient) -> None:
    make_action(database.admin, make_import(database.admin), "retry")
    assert DID not in client.get(f"/ui/imports/{make_import(database.admin)}").text
