"""imports forget-errors: the invalid records of an import are gone, and who did it is recorded."""

import uuid

import pytest

from tests.operators import Office
from tests.rows import make_action, make_bad_record, make_import

NOTHING = "has no invalid records: nothing was changed."


def make_failed(office: Office, *, kept: int = 2, **columns: object) -> uuid.UUID:
    """An import of which some invalid records are kept."""
    counts = {"read": 9, "rejected": 9, "bad_records": 5, "error_code": "bad_records"}
    made = make_import(office.road.dsn, **{"status": "failed", **counts, **columns})
    for position in range(1, kept + 1):
        make_bad_record(office.road.dsn, made, position)
    return made


def kept_of(office: Office, import_id: uuid.UUID) -> int:
    rows = office.road.query("SELECT 1 FROM import_errors WHERE import_id = %s", str(import_id))
    return len(rows)


def test_they_are_deleted_and_the_counts_stay(office: Office) -> None:
    made, other = make_failed(office), make_failed(office)
    told = office.says("forget-errors", made, "--yes", "--by", "ada", "--reason", "personal data")
    assert told == f"{str(made)[:8]} s3://movies-r-us/movies.json: 2 invalid records deleted.\n"
    assert (kept_of(office, made), kept_of(office, other)) == (0, 2)
    (shown,) = office.tells("show", made)
    assert (shown["bad_records"], shown["rejected"]) == (5, 9)
    (action,) = shown["actions"]
    assert (action["action"], action["actor"], action["reason"]) == (
        "forget_errors",
        "ada",
        "personal data",
    )
    assert office.tells("errors", made) == []


def test_where_nothing_is_kept_nothing_is_changed_and_nobody_is_asked(office: Office) -> None:
    made = make_failed(office, kept=0)
    assert office.says("forget-errors", made).endswith(f"{NOTHING}\n")
    assert office.tells("forget-errors", made) == [{"id": str(made), "deleted": 0}]
    assert office.tells("show", made)[0]["actions"] == []


def test_programs_are_told_how_many(office: Office) -> None:
    made = make_failed(office, kept=3)
    make_action(office.road.dsn, made, "retry")
    assert office.tells("forget-errors", made, "--yes") == [{"id": str(made), "deleted": 3}]
    kinds = [action["action"] for action in office.tells("show", made)[0]["actions"]]
    assert kinds == ["retry", "forget_errors"]


def test_it_asks_first(office: Office) -> None:
    made = make_failed(office)
    result = office.types("forget-errors", made)
    assert result.exit_code == 2
    assert "Delete 2 invalid records of" in result.stderr
    assert kept_of(office, made) == 2


@pytest.mark.parametrize("status", ["running", "queued"])
def test_an_import_that_has_not_ended_is_left_alone(office: Office, status: str) -> None:
    made = make_failed(office, status=status, error_code=None, finished_at=None)
    result = office.types("forget-errors", made, "--yes")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: The import is {status}. Try again when it has ended.\n",
    )
    assert kept_of(office, made) == 2
