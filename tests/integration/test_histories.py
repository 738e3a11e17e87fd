"""Random histories against a ten-line model: whatever is uploaded, in whatever order it is
announced, however often, and however many workers there are, the newest file wins.

MRU_HISTORIES=5000 runs as many; the seed of a failing one is in the message.
"""

import json
import os
import queue
import random
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg2
import pytest

from local.database import Dsns, environment_of
from schemas.notification import Notification
from schemas.settings import Environment
from tests.model import Event, model, notification_of
from tests.object_store import ObjectStore, StoredVersion, serve
from worker.database import Database
from worker.errors import ObjectBusyError
from worker.importing import Importer
from worker.settings import Settings

HISTORIES = int(os.environ.get("MRU_HISTORIES", "300"))
WORKERS = 4


def random_records(dice: random.Random, seed: int) -> list[dict[str, Any]]:
    return [
        {
            "title": f"History {seed}, film {dice.randrange(4)}",
            "year": 2000,
            "cast": ["First"],
            "genres": [dice.choice("ABC")],
        }
        for _ in range(dice.randrange(6))
    ]


def random_history(seed: int) -> list[Event]:
    """A few versions of a few keys, many of them put within the same second."""
    dice = random.Random(seed)
    events = []
    for number in range(dice.randint(2, 8)):
        body = json.dumps(random_records(dice, seed)).encode()
        version = StoredVersion(
            key=f"history-{seed}/{dice.choice('xyz')}.json",
            version_id=f"v{dice.randrange(10**9)}",
            body=body,
            etag=uuid.uuid5(uuid.NAMESPACE_OID, body.decode()).hex,
            second=dice.randrange(3),
        )
        events.append((version, format(0xABC + number, "x")))
    return events


def deliveries(bucket: str, seed: int, events: list[Event]) -> list[Notification]:
    """The events as they arrive: in any order, some of them more than once."""
    dice = random.Random(seed)
    several = [event for event in events for _ in range(dice.choice((1, 1, 2, 3)))]
    dice.shuffle(several)
    return [notification_of(bucket, event) for event in several]


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with serve() as store:
        yield store


def make_importer(dsns: Dsns, store: ObjectStore, **variables: str) -> Importer:
    environment = environment_of(dsns.worker) | {"AWS_REGION": "eu-west-1", "MRU_QUEUE_URL": "-"}
    environment |= {"MRU_BUCKETS": "-"}
    settings = Settings.read(Environment(environment | variables))
    s3 = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return Importer(Database.at(settings.database), s3, settings)


def work_off(importers: list[Importer], waiting: "queue.SimpleQueue[Notification]") -> list[str]:
    """Lets every importer take notifications until none is left; returns what went wrong."""
    faults: list[str] = []

    def work(importer: Importer) -> None:
        while True:
            try:
                notification = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                importer.run(notification)
            except ObjectBusyError:
                waiting.put(notification)  # as the worker does: it is no fault
            except Exception as error:  # noqa: BLE001  the test fails with its text
                faults.append(f"{notification.key}: {error!r}")

    threads = [threading.Thread(target=work, args=(importer,)) for importer in importers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


@pytest.mark.parametrize("chunk_records", [2, 1000])
def test_the_table_is_the_models_whatever_the_order_the_duplicates_and_the_workers(
    database: Dsns, store: ObjectStore, chunk_records: int
) -> None:
    seeds = range(chunk_records, chunk_records + HISTORIES // 2)
    histories = {seed: random_history(seed) for seed in seeds}
    waiting: queue.SimpleQueue[Notification] = queue.SimpleQueue()
    for seed, events in histories.items():
        for version, _ in events:
            store.put(version)
        for notification in deliveries("bucket", seed, events):
            waiting.put(notification)
    importers = [
        make_importer(database, store, MRU_CHUNK_RECORDS=str(chunk_records)) for _ in range(WORKERS)
    ]

    assert work_off(importers, waiting) == []

    connection = psycopg2.connect(database.admin)
    with connection.cursor() as cursor:
        cursor.execute("SELECT title, id::text, genres FROM movies")
        found: dict[int, dict[str, list[str]]] = {seed: {} for seed in seeds}
        for title, identity, genres in cursor.fetchall():
            found[int(title.split()[1].rstrip(","))][identity] = genres
        cursor.execute("SELECT count(*) FROM imports WHERE status <> 'succeeded'")
        unfinished = cursor.fetchone()
    connection.close()
    for seed, events in histories.items():
        assert found[seed] == model("bucket", events), f"history {seed}"
    assert unfinished == (0,)


def test_imports_that_contain_the_same_movies_in_opposite_order_both_succeed(
    database: Dsns, store: ObjectStore
) -> None:
    films = [{"title": f"Film {number}", "year": 2000} for number in range(600)]
    events = []
    for number, records in enumerate((films, films[::-1]) * 3):
        body = json.dumps(records).encode()
        version = StoredVersion(f"{number}.json", f"v{number}", body, f"e{number}", second=number)
        store.put(version)
        events.append((version, format(number + 16, "x")))
    waiting: queue.SimpleQueue[Notification] = queue.SimpleQueue()
    for event in events:
        waiting.put(notification_of("bucket", event))
    importers = [make_importer(database, store, MRU_CHUNK_RECORDS="20") for _ in range(WORKERS)]

    assert work_off(importers, waiting) == []

    connection = psycopg2.connect(database.admin)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM movies")
        assert cursor.fetchone() == (600,)
        cursor.execute("SELECT count(*) FROM imports WHERE status = 'succeeded'")
        assert cursor.fetchone() == (6,)
    connection.close()
