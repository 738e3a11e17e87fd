"""imports retry: once more what failed, and nothing twice."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from schemas.notification import Notification
from tests.builders import as_file, make_record
from tests.operators import Office
from tests.rows import make_alias, make_import
from tests.short_road import counts_of
from worker import locks
from worker.actions import Operator
from worker.commands import desk
from worker.database import Database
from worker.importing import Outcome
from worker.retrying import Answer, Wish, retry

BAD_FILE = as_file([make_record(), make_record(title="Another"), make_record(year="2004")])


def fail(office: Office, key: str = "movies.json", body: bytes = BAD_FILE) -> str:
    """Imports a bad file, and returns the import's id."""
    notification = office.road.upload(body, key)
    assert office.road.importer.run(notification) is Outcome.FAILED
    return str(notification.id)


def row_of(office: Office, import_id: str) -> dict[str, Any]:
    return office.road.query("SELECT * FROM imports WHERE id = %s", import_id)[0]


def actions_of(office: Office, import_id: str) -> list[tuple[str, str, str | None]]:
    (shown,) = office.tells("show", import_id)
    return [(done["action"], done["actor"], done["reason"]) for done in shown["actions"]]


@contextmanager
def in_hand(office: Office, key: str) -> Iterator[None]:
    """Holds the lock of an object, as a worker does that imports it."""
    with office.road.importer.database.connect() as connection:
        locks.lock_object(connection, office.road.bucket, key)
        yield
        locks.unlock_object(connection)


def test_a_bad_record_is_found_explained_retried_and_counted(office: Office) -> None:
    made = fail(office)
    (found,) = office.tells("list", "--failed")
    assert (found["id"], found["error_code"]) == (made, "bad_records")
    assert "Must be a whole number." in office.says("errors", made)

    said = office.says(
        "retry", made[:8], "--on-error", "continue", "--by", "ada", "--reason", "good enough"
    )

    assert said == f"{made[:8]} s3://{office.road.bucket}/movies.json: queued again.\n"
    assert office.work_off() == [Outcome.SUCCEEDED]
    row = row_of(office, made)
    assert (row["status"], row["attempts"], row["on_error"]) == ("succeeded", 2, "continue")
    assert counts_of(row) == {"read": 3, "inserted": 2, "rejected": 1}
    assert row["bad_records"] == 1
    assert (row["retried_by"], row["retry_reason"]) == ("ada", "good enough")
    assert actions_of(office, made) == [("retry", "ada", "good enough")]
    assert [record["position"] for record in office.tells("errors", made)] == [3]

    again = office.says("retry", made)

    assert again.endswith("succeeded already: nothing was changed.\n")
    assert row_of(office, made) == row
    assert office.work_off() == []
    assert actions_of(office, made) == [("retry", "ada", "good enough")]


def test_what_is_still_bad_fails_again_with_its_reasons(office: Office) -> None:
    made = fail(office)
    office.says("retry", made)
    queued = row_of(office, made)
    assert (queued["status"], queued["error_code"], queued["finished_at"]) == ("queued", None, None)
    assert counts_of(queued) == {}
    assert office.work_off() == [Outcome.FAILED]
    row = row_of(office, made)
    assert (row["error_code"], row["attempts"], row["rejected"]) == ("bad_records", 2, 3)
    assert len(office.tells("errors", made)) == 1


def test_who_asks_is_known_without_saying_so(office: Office) -> None:
    made = fail(office)
    office.says("retry", made)
    ((action, actor, reason),) = actions_of(office, made)
    assert (action, reason) == ("retry", None)
    assert actor == desk.operator_named(None, None).name
    assert "@" in actor


def test_an_object_that_came_late_is_imported_by_a_retry(office: Office) -> None:
    missing = Notification(id=uuid.uuid4(), bucket=office.road.bucket, key="late.json")
    assert office.road.importer.run(missing) is Outcome.FAILED
    office.road.upload(as_file([make_record()]), "late.json")
    assert "queued again" in office.says("retry", "--error", "missing_object")
    assert office.work_off() == [Outcome.SUCCEEDED]
    assert row_of(office, str(missing.id))["inserted"] == 1


def test_a_file_that_was_overwritten_since_ends_as_superseded_with_its_counts_in_order(
    office: Office,
) -> None:
    made = fail(office)
    office.road.upload(as_file([make_record()]))
    office.says("retry", made)
    assert office.work_off() == [Outcome.SUPERSEDED]
    row = row_of(office, made)
    assert (row["status"], counts_of(row)) == ("superseded", {})
    assert office.says("retry", made).endswith("of the file: nothing was changed.\n")
    assert office.messages() == (0, 0)


def test_the_very_version_that_failed_is_imported_in_its_place_in_the_order(
    office: Office,
) -> None:
    road = office.road
    road.s3.put_bucket_versioning(Bucket=road.bucket, VersioningConfiguration={"Status": "Enabled"})
    version = road.s3.put_object(Bucket=road.bucket, Key="a.json", Body=BAD_FILE)["VersionId"]
    announced = road.notification("a.json", version_id=version, sequencer="0055AED6DCD90281E5")
    assert road.importer.run(announced) is Outcome.FAILED
    road.s3.put_object(Bucket=road.bucket, Key="a.json", Body=b"overwritten")
    before = row_of(office, str(announced.id))
    office.says("retry", announced.id, "--on-error", "continue")
    (letter,) = office.waiting()
    assert letter.notification
    assert letter.notification.version_id == version
    assert road.importer.run(letter.notification) is Outcome.SUCCEEDED
    after = row_of(office, str(announced.id))
    for name in ("version_id", "sequencer", "event_time", "etag", "size", "first_seen_at"):
        assert after[name] == before[name], name
    assert after["inserted"] == 2


def test_two_operators_at_once_make_one_import(office: Office) -> None:
    made = fail(office)
    together = threading.Barrier(2)
    sent: list[Notification] = []
    answers: list[Answer] = []

    def retry_at_once(name: str) -> None:
        database = Database.at(office.road.importer.settings.database)
        with database.connect() as ledger:
            together.wait()
            answers.append(
                retry(ledger, uuid.UUID(made), Wish(operator=Operator(name)), sent.append)
            )
        database.engine.dispose()

    operators = [threading.Thread(target=retry_at_once, args=(name,)) for name in ("ada", "bob")]
    for operator in operators:
        operator.start()
    for operator in operators:
        operator.join()
    assert sorted(answers) == [Answer.QUEUED, Answer.QUEUED_ALREADY]
    assert [str(notification.id) for notification in sent] == [made]
    assert len(actions_of(office, made)) == 1


def test_a_retry_while_it_runs_changes_nothing(office: Office) -> None:
    made = str(
        make_import(office.road.dsn, bucket=office.road.bucket, key="now.json", status="running")
    )
    before = row_of(office, made)
    with in_hand(office, "now.json"):
        for words in ((), ("--again",)):
            said = office.says("retry", made, *words)
            assert said.endswith("running: nothing was changed.\n")
    assert row_of(office, made) == before
    assert office.messages() == (0, 0)


def test_a_file_of_which_another_version_is_imported_is_left_for_later(office: Office) -> None:
    made = fail(office)
    with in_hand(office, "movies.json"):
        result = office.types("retry", made)
    assert result.exit_code == 1
    assert "another version of the file is being imported" in result.stdout
    assert row_of(office, made)["status"] == "failed"
    assert office.messages() == (0, 0)


def test_more_than_one_is_asked_about_and_where_nobody_can_be_asked_refused(
    office: Office,
) -> None:
    ids = [fail(office, key) for key in ("a.json", "b.json")]
    result = office.types("retry", "--failed")
    assert result.exit_code == 2
    assert "Import 2 files again? There is nobody to ask here: say --yes." in result.stderr
    assert [row_of(office, made)["status"] for made in ids] == ["failed", "failed"]
    said = office.says("retry", "--failed", "--yes")
    assert said.endswith("2 of 2 imports will be done again.\n")
    assert [row_of(office, made)["status"] for made in ids] == ["queued", "queued"]
    assert office.work_off() == [Outcome.FAILED] * 2


def test_only_failures_that_fit_are_chosen(office: Office) -> None:
    chosen = fail(office, "in/a.json", b"nothing")
    fail(office, "in/b.json")
    fail(office, "out/a.json", b"nothing")
    office.says("retry", "--error", "not_json", "--key", "in/*")
    (waiting,) = office.waiting()
    assert waiting.notification
    assert str(waiting.notification.id) == chosen
    assert office.says("retry", "--key", "elsewhere/*") == "No such import failed.\n"


def test_an_import_is_retried_once_by_however_many_names_it_is_called(office: Office) -> None:
    made = fail(office)
    alias = uuid.uuid4()
    make_alias(office.road.dsn, alias, uuid.UUID(made))
    place = f"s3://{office.road.bucket}/movies.json"
    assert office.says("retry", made, made[:8], alias, place).count("\n") == 1
    assert office.messages() == (1, 0)


def test_a_name_that_is_unknown_keeps_all_from_being_retried(office: Office) -> None:
    made = fail(office)
    result = office.types("retry", made, uuid.uuid4(), "--yes")
    assert result.exit_code == 1
    assert row_of(office, made)["status"] == "failed"


def test_a_queue_that_is_away_leaves_everything_as_it_was(office: Office) -> None:
    made = fail(office)
    before = row_of(office, made)
    result = office.runs("retry", made, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: AWS did not do its part: ")
    assert result.stderr.count("\n") == 1
    assert row_of(office, made) == before
    assert actions_of(office, made) == []


def test_what_waits_for_a_message_that_was_lost_is_announced_again(office: Office) -> None:
    made = fail(office)
    office.says("retry", made, "--on-error", "continue")
    stuck = office.road.upload(as_file([make_record(title="Stuck")]), "stuck.json")
    make_import(
        office.road.dsn,
        id=stuck.id,
        bucket=office.road.bucket,
        key="stuck.json",
        status="running",
        etag=stuck.etag,
    )
    office.waiting()  # as `celery purge` does
    assert office.says("retry", made).endswith("queued already: nothing was changed.\n")
    said = office.says("retry", "--key", "*", "--again", "--yes")
    assert said.count("announced again; the import is as it was.") == 2
    assert office.work_off() == [Outcome.SUCCEEDED] * 2
