"""imports undo: what an import alone brought goes, what others brought too falls back to them."""

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import sqlalchemy as sa

from local.database import Dsns, environment_of
from schemas.settings import Environment
from tests.builders import as_file, make_record
from tests.model import Event, model, notification_of
from tests.object_store import ObjectStore, StoredVersion, serve
from tests.operators import Office
from tests.rows import make_import
from tests.short_road import counts_of
from worker import reporting, store, undoing
from worker.actions import Operator
from worker.backfill import find_unknown, list_bucket
from worker.database import Database
from worker.importing import Importer, Outcome
from worker.retrying import Answer, Wish, retry
from worker.settings import Settings
from worker.undoing import NotUndoneError, Undoer

HISTORIES = 12


def film(number: int, genre: str) -> dict[str, Any]:
    return make_record(title=f"Film {number}", genres=[genre])


def bring(office: Office, key: str, *films: dict[str, Any]) -> str:
    """Imports a file, and returns the import's id. Within a second, files order by their keys."""
    notification = office.road.upload(as_file(list(films)), key)
    assert office.road.importer.run(notification) is Outcome.SUCCEEDED
    return str(notification.id)


def bring_three(office: Office) -> str:
    """Imports three files that say different things of some films; returns the middle one's id."""
    bring(office, "a.json", film(1, "A"), film(2, "A"), film(3, "A"))
    made = bring(
        office, "b.json", film(2, "B"), film(3, "A"), film(4, "B"), film(5, "B"), film(6, "B")
    )
    bring(office, "c.json", film(5, "C"), film(6, "B"))
    return made


def genres(office: Office) -> dict[int, str]:
    rows = office.road.query("SELECT title, genres FROM movies ORDER BY title")
    return {int(row["title"].split()[1]): row["genres"][0] for row in rows}


def movies(office: Office) -> list[dict[str, Any]]:
    """Every movie as searches see it."""
    columns = 'id, year, title, "cast", genres, title_folded, cast_folded'
    return office.road.query(f"SELECT {columns} FROM movies ORDER BY id")


def data_version(office: Office) -> int:
    (row,) = office.road.query("SELECT version FROM data_version")
    return int(row["version"])


def status_of(office: Office, made: str) -> str:
    (row,) = office.road.query("SELECT status FROM imports WHERE id = %s", made)
    return str(row["status"])


def test_undone_and_retried_the_table_is_as_before_row_for_row(office: Office) -> None:
    made = bring_three(office)
    before, counts = movies(office), counts_of(entry(office, made))
    assert genres(office) == {1: "A", 2: "B", 3: "A", 4: "B", 5: "C", 6: "B"}
    version = data_version(office)

    said = office.says("undo", made, "--yes", "--by", "ada", "--reason", "the wrong year")

    assert genres(office) == {1: "A", 2: "A", 3: "A", 5: "C", 6: "B"}
    assert data_version(office) == version + 1
    bucket = office.road.bucket
    done = ["1 movie removed", "2 fell back to other files", "2 stay with what other files say"]
    assert said.splitlines() == [
        f"Undoing {made[:8]} s3://{bucket}/b.json:",
        "  1 movie that only it brought would be removed.",
        f"  1 movie would fall back to s3://{bucket}/a.json, which is read again.",
        f"  1 movie would fall back to s3://{bucket}/c.json, which is read again.",
        "  Where that file is gone, its movies stay as they are.",
        "  2 movies stay, with what other files say of them.",
        f"s3://{bucket}/a.json was read again.",
        f"s3://{bucket}/c.json was read again.",
        f"{made[:8]} s3://{bucket}/b.json is undone: {', '.join(done)}.",
    ]
    (shown,) = office.tells("show", made)
    assert (shown["status"], shown["error"]) == ("undone", "Undone by an operator.")
    assert [done["action"] for done in shown["actions"]] == ["undo"]
    office.road.importer.run(office.road.upload(as_file([film(9, "X")]), "other.json"))

    office.says("retry", made)

    assert office.work_off() == [Outcome.SUCCEEDED]
    assert [row for row in movies(office) if row["title"] != "Film 9"] == before
    assert counts_of(entry(office, made)) == counts | {"inserted": 1, "unchanged": 2} | {
        "updated": 1,
        "stale": 1,
    }


def entry(office: Office, made: str) -> dict[str, Any]:
    return office.road.query("SELECT * FROM imports WHERE id = %s", made)[0]


def test_with_nobody_to_agree_nothing_is_undone(office: Office) -> None:
    made = bring_three(office)
    before = movies(office)
    result = office.types("undo", made)
    assert result.exit_code == 2
    assert "1 movie that only it brought would be removed." in result.stdout
    assert "There is nobody to ask here: say --yes." in result.stderr
    assert (movies(office), status_of(office, made)) == (before, "succeeded")


def test_a_movie_whose_other_file_is_gone_stays_as_it_is_and_counts_as_that_files(
    office: Office,
) -> None:
    made = bring_three(office)
    before = movies(office)
    office.road.s3.put_object(Bucket=office.road.bucket, Key="a.json", Body=b"[]")
    office.road.s3.delete_object(Bucket=office.road.bucket, Key="c.json")
    said = office.says("undo", made, "--yes")
    assert f"s3://{office.road.bucket}/a.json cannot be read again" in said
    assert "2 left as they were, for their other file is gone" in said
    assert genres(office) == {1: "A", 2: "B", 3: "A", 5: "C", 6: "B"}
    owners = office.road.query(
        "SELECT title, key FROM movies JOIN imports ON imports.id = import_id ORDER BY title"
    )
    assert [row["key"][0] for row in owners] == ["a", "a", "a", "c", "c"]
    office.says("retry", made)
    assert office.work_off() == [Outcome.SUCCEEDED]
    assert movies(office) == before


def test_an_older_version_of_the_same_file_comes_back(office: Office) -> None:
    road = office.road
    road.s3.put_bucket_versioning(Bucket=road.bucket, VersioningConfiguration={"Status": "Enabled"})
    ids = []
    for number, genre in enumerate("AB"):
        body = as_file([film(1, genre), film(2 + number, genre)])
        version = road.s3.put_object(Bucket=road.bucket, Key="films.json", Body=body)["VersionId"]
        event = road.notification("films.json", version_id=version, sequencer=f"{number:016X}")
        assert road.importer.run(event) is Outcome.SUCCEEDED
        ids.append(str(event.id))
    assert genres(office) == {1: "B", 2: "A", 3: "B"}
    office.says("undo", ids[1], "--yes")
    assert genres(office) == {1: "A", 2: "A"}
    office.says("undo", ids[0], "--yes")
    assert genres(office) == {}
    assert office.road.query("SELECT * FROM claims") == []
    for made in ids:
        office.says("retry", made)
    office.work_off()
    assert genres(office) == {1: "B", 2: "A", 3: "B"}


def test_what_was_undone_comes_back_only_when_it_is_named(office: Office) -> None:
    notification = office.road.upload(as_file([film(1, "A")]), "a.json")
    office.road.importer.run(notification)
    office.says("undo", notification.id, "--yes")
    assert office.says("undo", notification.id).endswith(
        "is undone already: nothing was changed.\n"
    )
    assert office.says("retry", "--failed") == "No such import failed.\n"
    assert office.road.importer.run(notification) is Outcome.KNOWN
    office.bury(notification)
    assert "undone meanwhile: the dead letter was deleted." in office.says(
        "redrive", "--all", "--yes"
    )
    with office.road.importer.database.connect() as connection:
        (page,) = list_bucket(office.road.s3, office.road.bucket, "")
        assert find_unknown(connection, page) == []
    assert (genres(office), office.messages()) == ({}, (0, 0))
    office.says("retry", notification.id)
    assert office.work_off() == [Outcome.SUCCEEDED]
    assert genres(office) == {1: "A"}


def test_what_brought_nothing_or_may_still_bring_something_is_not_undone(office: Office) -> None:
    for status, said in {
        "failed": "is failed: it brought no movie.",
        "superseded": "is superseded: it brought no movie.",
        "queued": "is queued: undo it when it has ended.",
        "running": "is running: undo it when it has ended.",
    }.items():
        columns = {"error_code": "empty"} if status == "failed" else {}
        ended = {"finished_at": None} if status == "queued" else {}
        made = make_import(office.road.dsn, status=status, **columns, **ended)
        result = office.types("undo", made, "--yes")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.strip().endswith(said)
        assert status_of(office, str(made)) == status


def test_imports_under_way_are_waited_for_but_not_for_ever(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bring_three(office)
    before = movies(office)
    monkeypatch.setattr(undoing, "_ALONE_WAIT_SECONDS", 1)
    with office.road.importer.database.connect() as connection:
        store.begin(connection, alone=False, large=False)
        result = office.types("undo", made, "--yes")
    assert result.exit_code == 1
    assert "Imports were under way for 1 seconds: try again later." in result.stderr
    assert (movies(office), status_of(office, made)) == (before, "succeeded")
    office.says("undo", made, "--yes")


def test_what_changes_while_files_are_read_again_is_not_undone_by_halves(office: Office) -> None:
    made = bring_three(office)
    row: dict[int, str] = {}

    def interfere(_: str) -> None:
        if not row:
            bring(office, "d.json", film(2, "D"))
            row.update(genres(office))

    with Database.at(office.road.importer.settings.database).connect() as ledger:
        found = reporting.find(ledger, made)
    settings = office.road.importer.settings
    undoer = Undoer(Database.at(settings.database), office.road.s3, settings.limits, interfere)
    with pytest.raises(NotUndoneError, match="Another import changed its movies meanwhile"):
        undoer.undo(found, Operator("ada"))
    assert (genres(office), status_of(office, made)) == (row, "succeeded")
    undoer.undo(found, Operator("ada"))
    assert genres(office) == {1: "A", 2: "D", 3: "A", 5: "C", 6: "B"}


@pytest.fixture
def shelf() -> Iterator[ObjectStore]:
    with serve() as store:
        yield store


def random_history(seed: int) -> list[Event]:
    dice = random.Random(seed)
    events = []
    for number in range(dice.randint(2, 6)):
        records = [
            make_record(title=f"{seed}/{dice.randrange(4)}", genres=[dice.choice("ABC")])
            for _ in range(dice.randrange(1, 6))
        ]
        version = StoredVersion(
            key=f"{seed}/{dice.choice('xyz')}.json",
            version_id=f"v{number}",
            body=json.dumps(records).encode(),
            etag=uuid.UUID(int=dice.getrandbits(128)).hex,
            second=dice.randrange(3),
        )
        events.append((version, format(0xABC + number, "x")))
    return events


def test_whatever_is_imported_undone_and_retried_the_table_is_the_models(
    database: Dsns, shelf: ObjectStore
) -> None:
    """At each step it is as if what is undone had never come."""
    environment = environment_of(database.worker) | {"AWS_REGION": "eu-west-1"}
    environment |= {"MRU_QUEUE_URL": "-", "MRU_BUCKETS": "-", "MRU_CHUNK_RECORDS": "2"}
    settings = Settings.read(Environment(environment))
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3 = boto3.client("s3", endpoint_url=shelf.endpoint, region_name="eu-west-1", **keys)
    importer = Importer(Database.at(settings.database), s3, settings)
    for seed in range(HISTORIES):
        History(importer, shelf, seed).run()
    importer.database.engine.dispose()
    s3.close()


class History:
    """A few events that come in any order, and operators who undo some of them, and repent."""

    def __init__(self, importer: Importer, shelf: ObjectStore, seed: int) -> None:
        self.importer = importer
        self.seed = seed
        self.dice = random.Random(seed)
        self.events = random_history(seed)
        self.there: list[Event] = []
        for version, _ in self.events:
            shelf.put(version)

    def run(self) -> None:
        to_come = list(self.events)
        self.dice.shuffle(to_come)
        undone: list[Event] = []
        while to_come or undone:
            if to_come and self.dice.random() < 0.6:
                event = to_come.pop()
                assert self.importer.run(notification_of("bucket", event)) is Outcome.SUCCEEDED
                self.there.append(event)
            elif self.there and self.dice.random() < 0.5:
                undone.append(self.there.pop(self.dice.randrange(len(self.there))))
                self.undo(undone[-1])
            elif undone:
                self.there.append(undone.pop(self.dice.randrange(len(undone))))
                self.retry(self.there[-1])
            assert self.found() == model("bucket", self.there), f"history {self.seed}"

    def undo(self, event: Event) -> None:
        with self.importer.database.connect() as ledger:
            row = reporting.get(ledger, notification_of("bucket", event).id)
        limits = self.importer.settings.limits
        undoer = Undoer(self.importer.database, self.importer.s3, limits, lambda _: None)
        done = undoer.undo(row, Operator("ada"))
        assert done.left == 0

    def retry(self, event: Event) -> None:
        sent: list[Any] = []
        with self.importer.database.connect() as ledger:
            made = notification_of("bucket", event).id
            answer = retry(ledger, made, Wish(operator=Operator("ada")), sent.append)
        assert answer is Answer.QUEUED
        assert self.importer.run(sent[0]) is Outcome.SUCCEEDED

    def found(self) -> dict[str, list[str]]:
        mine = sa.text("SELECT id, genres FROM movies WHERE title LIKE :mine")
        with self.importer.database.connect() as ledger:
            rows = ledger.execute(mine, {"mine": f"{self.seed}/%"}).all()
        return {str(row.id): row.genres for row in rows}
