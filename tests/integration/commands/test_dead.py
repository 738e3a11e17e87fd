"""imports dead, redrive: dead letters, and the way back to the queue."""

import uuid

import pytest

from schemas.notification import Notification
from tests import faults
from tests.builders import as_file, make_record
from tests.operators import Office
from tests.rows import make_import
from worker import locks
from worker.importing import Outcome


def give_up(office: Office, key: str = "movies.json") -> Notification:
    """Uploads a good file whose import was given up, and buries its message."""
    notification = office.road.upload(as_file([make_record(title=key)]), key)
    office.road.importer.give_up(notification, "S3 answered 503.")
    office.bury(notification)
    return notification


def test_dead_letters_are_shown_with_their_imports_and_are_there_again_at_once(
    office: Office,
) -> None:
    given_up = give_up(office)
    unknown = office.road.notification("unknown.json")
    office.bury(unknown)
    office.bury_raw("This is no message.")

    said = office.says("dead")
    told = {letter["key"]: letter for letter in office.tells("dead")}

    for words in (
        str(given_up.id)[:8],
        "Given up: S3 answered 503.",
        "The ledger does not know it.",
        "It is no message of Celery's.",
    ):
        assert words in said
    assert told["movies.json"]["import"]["error_code"] == "gave_up"
    assert told["movies.json"]["import_id"] == str(given_up.id)
    assert told["movies.json"]["receives"] >= 2
    assert told["unknown.json"]["import"] is None
    assert told[None]["fault"] == "It is no message of Celery's."
    assert office.messages() == (0, 3)


def test_no_more_letters_are_looked_at_than_asked_for(office: Office) -> None:
    for number in range(13):
        office.bury_raw(f"Message {number}")
    assert len(office.tells("dead")) == 13
    assert len(office.tells("dead", "--limit", "11")) == 11
    assert "There may be more than these 2" in office.says("dead", "--limit", "2")


def test_a_dead_letter_is_cured_by_putting_it_back(office: Office) -> None:
    given_up = give_up(office)
    said = office.says("redrive", str(given_up.id)[:8], "--by", "ada", "--reason", "S3 is back")
    assert said == f"{str(given_up.id)[:8]}: back in the queue.\n1 dead letter put back.\n"
    assert office.messages() == (1, 0)
    (shown,) = office.tells("show", given_up.id)
    assert (shown["status"], shown["error"]) == ("queued", None)
    (action,) = shown["actions"]
    assert (action["action"], action["actor"]) == ("redrive", "ada")
    assert office.work_off() == [Outcome.SUCCEEDED]
    assert office.says("dead") == "There are no dead letters.\n"


def test_all_that_announce_an_import_are_put_back_and_the_rest_only_when_it_is_named(
    office: Office,
) -> None:
    for key in ("a.json", "b.json"):
        give_up(office, key)
    office.bury(office.road.upload(as_file([make_record(title="c")]), "c.json"))
    office.bury_raw("This is no message.")
    result = office.types("redrive", "--all")
    assert result.exit_code == 2
    assert "say --yes" in result.stderr
    assert office.messages() == (0, 4)
    said = office.says("redrive", "--all", "--yes")
    left = "Left there, because they announce no import: 1.\n"
    assert said.endswith(f"3 dead letters put back.\n{left}")
    assert office.work_off() == [Outcome.SUCCEEDED] * 3
    (letter,) = office.tells("dead")
    office.says("redrive", letter["message_id"])
    (back,) = office.waiting()
    assert back.body == "This is no message."


def test_a_letter_whose_import_is_done_meanwhile_is_deleted(office: Office) -> None:
    notification = office.road.upload(as_file([make_record()]))
    office.bury(notification)
    office.road.importer.run(notification)
    said = office.says("redrive", notification.id)
    assert "succeeded meanwhile: the dead letter was deleted." in said
    assert office.messages() == (0, 0)


def test_a_letter_whose_import_is_in_a_workers_hands_is_left(office: Office) -> None:
    given_up = give_up(office)
    with office.road.importer.database.connect() as connection:
        locks.lock_object(connection, office.road.bucket, "movies.json")
        result = office.types("redrive", given_up.id)
        locks.unlock_object(connection)
    assert result.exit_code == 1
    assert "another version of the file is being imported" in result.stdout
    assert office.messages() == (0, 1)


def test_one_that_waits_for_its_next_try_gets_its_message_back(office: Office) -> None:
    notification = office.road.upload(as_file([make_record()]))
    made = make_import(
        office.road.dsn, id=notification.id, bucket=office.road.bucket, status="running"
    )
    office.bury(notification)
    office.says("redrive", made)
    assert office.messages() == (1, 0)
    assert office.work_off() == [Outcome.SUCCEEDED]


def test_a_letter_that_is_not_there_is_told_so(office: Office) -> None:
    given_up = give_up(office)
    result = office.types("redrive", given_up.id, str(uuid.uuid4()), "xyz")
    assert result.exit_code == 1
    assert result.stderr.count("No dead letter is named ") == 2
    assert "1 dead letter put back." in result.stdout


@pytest.mark.parametrize("operation", ["SendMessage", "DeleteMessage"])
def test_no_letter_is_lost_whichever_call_fails(
    office: Office, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    given_up = give_up(office)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", office.rig.proxy.url)
        office.rig.proxy.plan(faults.status(500, "InternalError"), operation=operation, times=2)
        result = office.types("redrive", given_up.id)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: AWS did not do its part: ")
    assert result.stderr.count("\n") == 1
    sent = operation == "DeleteMessage"
    assert office.messages() == (int(sent), 1)
    (shown,) = office.tells("show", given_up.id)
    assert shown["status"] == ("queued" if sent else "failed")
    office.says("redrive", given_up.id)
    outcomes = office.work_off()
    assert outcomes[0] is Outcome.SUCCEEDED
    assert set(outcomes[1:]) <= {Outcome.KNOWN}
    assert office.messages() == (0, 0)


def test_a_queue_without_dead_letters_is_told_so(office: Office) -> None:
    queue = office.rig.queue_url
    kept = office.rig.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])
    office.rig.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": ""})
    for words in (["dead"], ["redrive", "--all", "--yes"]):
        result = office.types(*words)
        assert result.exit_code == 1
        assert result.stderr == (
            "Error: The queue has no redrive policy, and so no dead-letter queue.\n"
        )
    assert office.tells("status")[0]["queue"]["dead"] is None
    office.rig.sqs.set_queue_attributes(QueueUrl=queue, Attributes=kept["Attributes"])
