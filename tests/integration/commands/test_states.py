"""Every command against real workers with imports that succeeded, failed, run and are dead; again
when the workers are gone; and when Postgres is.
"""

from collections.abc import Iterator

import pytest
from celery import Celery

from local.database import Dsns
from local.postgres import Address
from schemas.settings import Environment
from tests import faults
from tests.builders import as_file, make_record
from tests.databases import make_database
from tests.faults import Gate
from tests.operators import type_imports, variables_of
from tests.rig import Rig, make_rig, wait_until
from tests.road import Road, Worker, kill, make_road
from tests.uploads import Upload, entry_of, hold_up, id_of, put_movies, status_of, upload_movies
from worker.app import create_app
from worker.commands import imports

RECEIVES = 2
VARIABLES = {
    "MRU_MAX_RECEIVES": str(RECEIVES),
    "MRU_RETRY_SECONDS": "1",
    "MRU_CHUNK_RECORDS": "10",
    "MRU_CONCURRENCY": "2",
}


class Stack:
    """A road with a worker on it, and on that an import of each kind."""

    def __init__(self, road: Road, worker: Worker) -> None:
        self.road = road
        self.worker = worker
        told = variables_of(road.rig, road.dsns)
        self.app = create_app(Environment(told))
        self.good = upload_movies(road, 3, key="good.json")
        self.bad = self._announce_bad_file()
        self.dead = self._announce_in_vain()
        self.running = put_movies(road, key="running.json")
        self.gate: Gate = hold_up(road, self.running)
        road.announce(self.running.notification)
        self.wait_for(self.running, "running")

    def _announce_bad_file(self) -> Upload:
        records = [make_record(title="Taken"), make_record(title="Refused", year="2004")]
        upload = Upload(self.road.upload(as_file(records), "bad.json"), [])
        self.road.announce(upload.notification)
        self.wait_for(self.good, "succeeded")
        self.wait_for(upload, "failed")
        return upload

    def _announce_in_vain(self) -> Upload:
        upload = put_movies(self.road, key="dead.json")
        cut = faults.cut_body(after_bytes=400_000)
        self.road.rig.proxy.plan(cut, operation=upload.place, times=RECEIVES)
        self.road.announce(upload.notification)
        self.wait_for(upload, "failed")
        self.wait_for_letters(1)
        return upload

    def wait_for_letters(self, letters: int) -> None:
        dead = self.road.rig.dead_queue_url
        wait_until(f"{letters} are dead", lambda: self.road.rig.count(dead) == letters)

    def wait_for(self, upload: Upload, status: str) -> None:
        key = upload.notification.key
        wait_until(f"{key} is {status}", lambda: status_of(self.road, upload) == status)

    def types(self, *words: object, code: int = 0) -> str:
        result = type_imports(self.app, *words)
        assert result.exit_code == code, (words, result.output)
        return result.output

    def check_what_is_seen(self) -> None:
        """Fails unless every command that looks shows all four imports as they are."""
        road, bucket = self.road, self.road.bucket
        listed = self.types("list")
        for status, key in {
            "succeeded": "good.json",
            "failed": "bad.json",
            "running": "running.json",
        }.items():
            assert f"s3://{bucket}/{key}" in listed
            assert status in self.types("show", f"s3://{bucket}/{key}")
        assert "gave_up" in self.types("show", id_of(self.dead))
        assert "Must be a whole number." in self.types("errors", id_of(self.bad))
        status = self.types("status")
        assert "running.json" in status
        assert "1 succeeded" in status
        assert "2 failed" in status
        assert "Given up: S3 broke off" in self.types("dead")
        assert "succeeded" in self.types("watch", id_of(self.good))
        assert "failed" in self.types("watch", id_of(self.bad), code=1)
        assert "import would be  succeeded" in self.types("validate", f"s3://{bucket}/good.json")
        assert "succeeded already" in self.types("retry", id_of(self.good))
        assert "is running" in self.types("undo", id_of(self.running), "--yes", code=1)
        assert "4 objects listed, 0 of them queued." in self.types("backfill", bucket)
        assert road.rig.count(road.rig.dead_queue_url) == 1


@pytest.fixture
def stack(aws: str, postgres: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("states")
    with (
        make_database(postgres) as dsns,
        make_road(aws, dsns, folder, visibility_seconds=3, max_receives=RECEIVES) as road,
        road.running_worker(**VARIABLES) as worker,
    ):
        stack = Stack(road, worker)
        yield stack
        stack.app.close()


def test_every_command_works_with_workers_and_without(stack: Stack) -> None:
    road = stack.road
    stack.check_what_is_seen()
    assert "running: nothing was changed." in stack.types("retry", id_of(stack.running))

    kill(stack.worker)
    stack.check_what_is_seen()
    assert "queued again" in stack.types("retry", id_of(stack.bad), "--on-error", "continue")
    assert "back in the queue" in stack.types("redrive", id_of(stack.dead))
    assert "3 movies that only it brought" in stack.types("undo", id_of(stack.good), "--yes")
    assert "queued again" in stack.types("retry", id_of(stack.good))

    with road.running_worker(**VARIABLES):
        for upload in (stack.good, stack.bad, stack.dead):
            stack.wait_for(upload, "succeeded")
        # Killed in its only other try: that is what the last one is kept for, to say so.
        stack.wait_for_letters(1)
        assert "The worker was lost in the middle of attempt 1." in stack.types("dead")
        assert "1 dead letter put back." in stack.types("redrive", "--all", "--yes")
        stack.wait_for(stack.running, "succeeded")
        road.wait_until_queue_is_empty()
    bad = entry_of(road, stack.bad)
    assert (bad["read"], bad["inserted"], bad["rejected"], bad["bad_records"]) == (2, 1, 1, 1)
    assert stack.types("dead") == "There are no dead letters.\n"
    assert stack.types("watch") == "No import is queued or running.\n"
    for upload in (stack.good, stack.dead, stack.running):
        titles = f"""SELECT count(*) FROM movies WHERE import_id = '{id_of(upload)}'"""
        assert road.query(titles) == [(len(upload.titles),)]


@pytest.fixture
def rig(aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("nowhere")
    with make_rig(int(aws.rpartition(":")[2]), folder) as rig:
        yield rig


@pytest.fixture
def app_without_postgres(rig: Rig) -> Celery:
    nowhere = "postgresql://nobody:x@127.0.0.1:1/nothing"
    dsns = Dsns(admin=nowhere, migrator=nowhere, worker=nowhere, api=nowhere)
    return create_app(Environment(variables_of(rig, dsns)))


WORDS = {
    "list": [],
    "show": ["3f2b8f6e"],
    "errors": ["3f2b8f6e"],
    "status": [],
    "watch": [],
    "retry": ["--failed", "--yes"],
    "backfill": ["bucket"],
    "dead": [],
    "redrive": ["--all", "--yes"],
    "undo": ["3f2b8f6e", "--yes"],
    "forget-errors": ["3f2b8f6e", "--yes"],
}


def test_without_postgres_every_command_says_so_in_one_line(
    app_without_postgres: Celery, rig: Rig
) -> None:
    assert WORDS.keys() == imports.commands.keys() - {"validate", "rules"}  # which need none
    rig.sqs.send_message(QueueUrl=rig.dead_queue_url, MessageBody="x")
    for name, words in WORDS.items():
        result = type_imports(app_without_postgres, name, *words)
        assert (result.exit_code, result.stdout) == (1, ""), name
        assert result.stderr.startswith("Error: The database did not serve: "), name
        assert result.stderr.count("\n") == 1, name
    assert rig.count(rig.dead_queue_url) == 1


def test_without_a_queue_what_needs_it_says_so_in_one_line(
    aws: str, database: Dsns, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Environment(variables_of(rig, database)))
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        for words in (["status"], ["dead"], ["redrive", "--all", "--yes"], ["backfill", "b"]):
            result = type_imports(app, *words)
            assert (result.exit_code, result.stdout) == (1, ""), words
            assert "127.0.0.1:1" in result.stderr, words
            assert result.stderr.count("\n") == 1, words
        assert type_imports(app, "list").exit_code == 0
