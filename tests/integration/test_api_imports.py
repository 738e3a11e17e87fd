"""Reading the ledger over the API, from a real Postgres."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from local.database import Dsns
from schemas.imports import ImportWithActionsSchema
from tests.calling import AS_OPERATOR, make_api
from tests.rows import make_action, make_alias, make_bad_record, make_import

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def client(database: Dsns) -> FlaskClient:
    return make_api(database.api).test_client()


def ids(client: FlaskClient, query: str = "") -> list[str]:
    answer = client.get(f"/imports?{query}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.get_json()]


def walk(client: FlaskClient, address: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        answer = client.get(address)
        rows += answer.get_json()
        following = re.search(r'<([^<>]*)>; rel="next"', answer.headers["Link"])
        if following is None:
            return rows
        address = following[1]


def test_an_import_is_shown_as_the_schema_says(database: Dsns, client: FlaskClient) -> None:
    made = make_import(
        database.admin,
        key="incoming/movies-2010s.json",
        version_id="096fKKXTRTtl3on89fVO",
        etag="d41d8cd98f00b204e9800998ecf8427e",
        size=2453005,
        read=2512,
        inserted=2500,
        unchanged=12,
        ignored_fields={"href": 2512},
        timings={"fetch": 0.5, "store": 1.25},
        started_at=NOW,
        finished_at=NOW,
    )
    shown = client.get(f"/imports/{made}").get_json()
    assert set(shown) == set(ImportWithActionsSchema().fields)
    assert ImportWithActionsSchema().validate(shown) == {}
    assert shown["id"] == str(made)
    assert shown["status"] == "succeeded"
    assert (shown["read"], shown["inserted"], shown["unchanged"]) == (2512, 2500, 12)
    assert shown["ignored_fields"] == {"href": 2512}
    assert shown["timings"] == {"fetch": 0.5, "store": 1.25}
    assert shown["version_id"] == "096fKKXTRTtl3on89fVO"
    assert shown["started_at"] == "2026-11-24T08:00:00+00:00"
    assert shown.pop("actions") == []
    assert client.get("/imports").get_json() == [shown]


def test_what_operators_did_is_shown_in_its_order(database: Dsns, client: FlaskClient) -> None:
    made, other, alias = make_import(database.admin), make_import(database.admin), uuid.uuid4()
    make_alias(database.admin, alias, made)
    make_action(database.admin, other, "undo")
    make_action(database.admin, made, "redrive", at=NOW, actor="grace", reason="S3 is back")
    make_action(database.admin, made, "retry", at=NOW - timedelta(seconds=1), actor="ada@ops-1")
    shown = client.get(f"/imports/{alias}", headers=AS_OPERATOR).get_json()
    assert ImportWithActionsSchema().validate(shown) == {}
    assert shown["actions"] == [
        {
            "at": "2026-11-24T08:00:00+00:00",
            "action": "redrive",
            "actor": "grace",
            "reason": "S3 is back",
        },
        {
            "at": "2026-11-24T07:59:59+00:00",
            "action": "retry",
            "actor": "ada@ops-1",
            "reason": None,
        },
    ]


def test_a_failed_import_says_why(database: Dsns, client: FlaskClient) -> None:
    made = make_import(
        database.admin, status="failed", error_code="not_json", error="Line 1 is not JSON."
    )
    shown = client.get(f"/imports/{made}").get_json()
    assert (shown["error_code"], shown["error"]) == ("not_json", "Line 1 is not JSON.")
    assert shown["version_id"] is None


def test_an_import_is_found_by_its_other_ids(database: Dsns, client: FlaskClient) -> None:
    made, alias = make_import(database.admin), uuid.uuid4()
    make_alias(database.admin, alias, made)
    make_bad_record(database.admin, made, 1)
    assert client.get(f"/imports/{alias}").get_json()["id"] == str(made)
    assert len(client.get(f"/imports/{alias}/errors").get_json()) == 1


@pytest.mark.parametrize("path", ["/imports/{}", "/imports/{}/errors"])
def test_an_import_that_no_worker_has_seen_yet_is_404(client: FlaskClient, path: str) -> None:
    answer = client.get(path.format(uuid.uuid4()))
    assert answer.status_code == 404
    assert answer.headers["Retry-After"] == "1"
    assert "There never is one of an object that a rule ignores." in answer.get_json()["detail"]
    assert "has seen" in answer.get_json()["detail"]


def test_the_newest_comes_first_and_pages_lead_through_all(
    database: Dsns, client: FlaskClient
) -> None:
    made = [
        make_import(database.admin, started_at=NOW + timedelta(microseconds=number // 3))
        for number in range(10)
    ]
    rows = walk(client, "/imports?limit=3")
    order = [(row["started_at"], row["id"]) for row in rows]
    assert order == sorted(order, reverse=True)
    assert {row["id"] for row in rows} == {str(each) for each in made}
    assert len(rows) == len(made)


def test_imports_are_found_by_status_bucket_and_prefix(database: Dsns, client: FlaskClient) -> None:
    plain = make_import(database.admin)
    failed = make_import(database.admin, status="failed", error_code="empty", key="in_coming/a")
    running = make_import(
        database.admin, status="running", bucket="another-bucket", key="inXcoming"
    )
    assert ids(client, "status=failed") == [str(failed)]
    assert ids(client, "status=running&bucket=another-bucket") == [str(running)]
    assert ids(client, "bucket=movies-r-us&status=succeeded") == [str(plain)]
    assert ids(client, "prefix=in_") == [str(failed)]
    assert ids(client, "prefix=In") == []
    assert ids(client, "prefix=%25") == []


def test_a_wrong_question_is_refused(client: FlaskClient) -> None:
    answer = client.get("/imports?status=lost&limit=0&page=2&cursor=x")
    assert answer.status_code == 422
    fields = {fault["field"] for fault in answer.get_json()["errors"]}
    assert fields == {"status", "limit", "page", "cursor"}


def test_bad_records_are_listed_in_the_files_order(database: Dsns, client: FlaskClient) -> None:
    made = make_import(
        database.admin, status="failed", error_code="bad_records", read=9, rejected=9, bad_records=5
    )
    for position in (7, 2, 9, 4, 1):
        make_bad_record(database.admin, made, position)
    rows = walk(client, f"/imports/{made}/errors?limit=2")
    assert [row["position"] for row in rows] == [1, 2, 4, 7, 9]
    assert rows[0] == {
        "position": 1,
        "faults": [{"field": "year", "message": "Must be a whole number."}],
        "raw": '{"title": "x", "year": "y"}',
    }


def test_an_import_without_bad_records_has_an_empty_list(
    database: Dsns, client: FlaskClient
) -> None:
    made = make_import(database.admin)
    answer = client.get(f"/imports/{made}/errors")
    assert (answer.status_code, answer.get_json()) == (200, [])
