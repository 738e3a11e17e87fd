"""imports list, show, errors, status: the ledger and the queue as operators see them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.imports import ImportSchema
from tests.builders import as_file, make_record
from tests.operators import Office
from tests.rows import make_alias, make_import

NOW = datetime.now(UTC)


def make(office: Office, key: str, **columns: Any) -> str:
    """Writes a row of the ledger that is as old as its number of hours."""
    hours = columns.pop("hours", 0)
    failed = {"error_code": "not_json", "error": "No JSON."}
    more = failed if columns.get("status") == "failed" else {}
    began = NOW - timedelta(hours=hours)
    row = {"key": key, "started_at": began, "first_seen_at": began, **more, **columns}
    return str(make_import(office.road.dsn, **row))


def keys(office: Office, *words: str) -> list[str]:
    return [row["key"] for row in office.tells("list", *words)]


def test_list_shows_what_was_begun_last_first(office: Office) -> None:
    make(office, "old.json", hours=2)
    make(office, "new.json", hours=1)
    assert keys(office) == ["new.json", "old.json"]
    assert keys(office, "--limit", "1") == ["new.json"]
    said = office.says("list", "--limit", "1")
    assert "s3://movies-r-us/new.json" in said
    assert "There are more than these 1" in said


def test_list_is_narrowed_down(office: Office) -> None:
    make(office, "elsewhere.json", hours=100)
    make(office, "in/b_1.json", hours=3, status="failed")
    make(office, "in/bx1.json", hours=2)
    make(office, "in/c.json", hours=1, status="running")
    by_calendar = f"{NOW - timedelta(minutes=90):%Y-%m-%dT%H:%M}"
    for words, found in {
        ("--failed",): ["in/b_1.json"],
        ("--status", "failed", "--status", "running"): ["in/b_1.json", "in/c.json"],
        ("--key", "in/*"): ["in/b_1.json", "in/bx1.json", "in/c.json"],
        ("--key", "in/b_?.json"): ["in/b_1.json"],
        ("--key", "in"): [],
        ("--since", "90m"): ["in/c.json"],
        ("--since", "1d"): ["in/b_1.json", "in/bx1.json", "in/c.json"],
        ("--since", by_calendar): ["in/c.json"],
        ("--error", "not_json"): ["in/b_1.json"],
        ("--error", "empty"): [],
        ("--failed", "--since", "90m"): [],
    }.items():
        assert sorted(keys(office, *words)) == found, words


def test_list_prints_each_import_as_the_api_shows_it(office: Office) -> None:
    make(office, "one.json", status="failed")
    (row,) = office.tells("list")
    assert set(row) == set(ImportSchema().fields)
    assert ImportSchema().validate(row) == {}


def test_an_empty_ledger_is_said_to_be_empty(office: Office) -> None:
    assert office.says("list") == "There are no such imports.\n"
    assert office.tells("list") == []


def test_show_finds_an_import_by_whatever_it_is_called(office: Office) -> None:
    old = make(office, "movies.json", hours=2, id="aaaa1111-0000-4000-8000-000000000000")
    new = make(office, "movies.json", hours=1, id="aaaa2222-0000-4000-8000-000000000000")
    alias = "bbbb0000-0000-4000-8000-000000000000"
    make_alias(office.road.dsn, alias, new)
    for name, meant in {
        old: old,
        "aaaa1": old,
        "AAAA2222-00": new,
        alias: new,
        "bbbb": new,
        "s3://movies-r-us/movies.json": new,
    }.items():
        assert office.tells("show", name)[0]["id"] == meant, name


def test_a_name_that_is_not_one_imports_is_one_clear_line(office: Office) -> None:
    for digit in "12":
        make(office, "movies.json", id=f"aaaa{digit * 4}-0000-4000-8000-000000000000")
    for name, said in {
        "aaaa": "aaaa is the beginning of several ids: ",
        "cccc": "No import with the id cccc is known.",
        "s3://movies-r-us/other.json": "No import of s3://movies-r-us/other.json is known.",
    }.items():
        result = office.types("show", name)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {said}")
        assert result.stderr.count("\n") == 1


def test_a_failed_import_is_explained_with_its_records(office: Office) -> None:
    office.road.run(as_file([make_record(), make_record(year="2004", title=1), {"year": 1999}]))
    shown = office.says("show", f"s3://{office.road.bucket}/movies.json")
    for words in ("failed", "bad_records", "2 of 3 records are bad", "3 rejected"):
        assert words in shown
    (row,) = office.tells("list", "--failed")
    explained = office.says("errors", row["id"])
    assert "Must be a whole number." in explained
    assert '"year": "2004"' in explained
    told = office.tells("errors", row["id"])
    assert [record["position"] for record in told] == [2, 3]
    assert told[1] == {
        "position": 3,
        "faults": [{"field": "title", "message": "Missing data for required field."}],
        "raw": '{"year": 1999}',
    }


def test_errors_says_how_many_were_not_kept(office: Office) -> None:
    made = make(office, "a.json", status="failed", read=9, rejected=9, bad_records=7)
    result = office.types("errors", made)
    assert result.exit_code == 0
    assert result.stderr == "7 more bad records were counted, and not kept.\n"


def test_what_a_file_holds_cannot_talk_to_the_terminal(office: Office) -> None:
    title = "\x1b[31mred\x1b[0m [bold]not bold[/bold] \u202e"
    office.road.run(as_file([make_record(title=title * 100)]), "a\x1b[2Jb.json")
    for words in (["list"], ["show", f"s3://{office.road.bucket}/a\x1b[2Jb.json"]):
        said = office.says(*words)
        assert "\x1b" not in said
        assert "a\\x1b[2Jb.json" in said
    said = office.says("errors", office.tells("list")[0]["id"])
    assert not {"\x1b", "\u202e"} & set(said)
    assert "[bold]not bold[/bold]" in said


def test_status_tells_of_the_queue_the_ledger_and_the_last_hour(office: Office) -> None:
    make(office, "good.json", read=7, inserted=7)
    make(office, "bad.json", status="failed", read=2, rejected=2)
    make(office, "long-ago.json", hours=3, finished_at=NOW - timedelta(hours=2))
    make(
        office,
        "now.json",
        status="running",
        hours=1,
        size=1000,
        bytes_so_far=500,
        records_so_far=7200,
    )
    make(office, "next.json", status="queued", hours=2, finished_at=None)
    for _ in range(3):
        office.rig.send_raw("anything")
    office.bury_raw("anything")
    office.rig.sqs.receive_message(QueueUrl=office.rig.queue_url)

    (told,) = office.tells("status")

    assert told["queue"] == {"waiting": 2, "in_flight": 1, "delayed": 0, "dead": 1}
    assert (told["queued"], told["oldest_queued"]["key"]) == (1, "next.json")
    (running,) = told["running"]
    assert running["key"] == "now.json"
    assert 1.5 < running["records_per_second"] <= 2.0  # the hour began when the tests did
    assert told["last_hour"] == {
        "succeeded": {"imports": 1, "inserted": 7, "updated": 0, "rejected": 0},
        "failed": {"imports": 1, "inserted": 0, "updated": 0, "rejected": 2},
    }
    said = office.says("status")
    for words in ("dead letters", "500 bytes of 1.0 kB", "7,200", "2 h ago", "next.json"):
        assert words in said


def test_looking_changes_nothing(office: Office) -> None:
    made = make(office, "a.json", status="failed")
    office.rig.send_raw("anything")
    before = office.road.query("SELECT * FROM imports")
    for words in (["list"], ["show", made], ["errors", made], ["status"]):
        office.says(*words)
    assert office.road.query("SELECT * FROM imports") == before
    answer = office.rig.sqs.receive_message(
        QueueUrl=office.rig.queue_url, MessageSystemAttributeNames=["All"]
    )
    (message,) = answer["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
