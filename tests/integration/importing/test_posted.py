"""A file that is posted to the API goes the way of all files."""

import base64
import json
import uuid
from typing import Any

import boto3
import pytest
from flask.testing import FlaskClient

from local.database import Dsns
from schemas.notification import Notification, load_notification
from tests.builders import as_file, make_record, make_records
from tests.calling import make_api
from tests.short_road import Road
from worker.importing import Outcome


class Entry:
    """The API with its bucket and its queue, and a look into both."""

    def __init__(self, aws: str, bucket: str, dsns: Dsns) -> None:
        self.bucket = bucket
        self.s3 = boto3.client("s3", endpoint_url=aws, region_name="eu-west-1")
        self._sqs = boto3.client("sqs", endpoint_url=aws, region_name="eu-west-1")
        self._url = self._sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        app = make_api(
            dsns.api,
            MRU_QUEUE_URL=self._url,
            MRU_BUCKETS=f"{bucket},another",
            MRU_ALLOW_POST_MOVIES="true",
        )
        self.client: FlaskClient = app.test_client()

    def post(self, body: bytes) -> Any:
        answer = self.client.post("/movies", data=body, content_type="application/json")
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"] == answer.get_json()["import"]
        return answer

    def queued(self) -> Notification:
        (message,) = self._sqs.receive_message(QueueUrl=self._url)["Messages"]
        task = json.loads(base64.b64decode(message["Body"]))
        _, arguments, _ = json.loads(base64.b64decode(task["body"]))
        return load_notification(arguments["notification"])

    def objects(self) -> list[dict[str, Any]]:
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return list(found)


@pytest.fixture
def entry(aws: str, bucket: str, database: Dsns) -> Entry:
    return Entry(aws, bucket, database)


def test_what_is_posted_is_found_and_its_import_is_where_the_answer_said(
    entry: Entry, road: Road
) -> None:
    address = entry.post(as_file([make_record(title="Posted")])).headers["Location"]
    assert entry.client.get(address).status_code == 404  # no worker has seen it yet
    assert road.importer.run(entry.queued()) is Outcome.SUCCEEDED
    shown = entry.client.get(address).get_json()
    assert (shown["status"], shown["read"], shown["inserted"]) == ("succeeded", 1, 1)
    (found,) = entry.client.get("/movies?title=posted").get_json()
    assert found["title"] == "Posted"


def test_the_file_is_in_the_bucket_as_it_was_posted(entry: Entry) -> None:
    body = b"\xef\xbb\xbf" + as_file(make_records(3)) + b"\n"
    entry.post(body)
    (stored,) = entry.objects()
    assert stored["Key"].startswith("posted/")
    assert entry.s3.get_object(Bucket=entry.bucket, Key=stored["Key"])["Body"].read() == body


def test_the_buckets_own_event_is_known_to_mean_the_same(entry: Entry, road: Road) -> None:
    address = entry.post(as_file([make_record()])).headers["Location"]
    announced = entry.queued()
    event = road.notification(announced.key, etag=announced.etag, sequencer="0055AED6DCD90281E5")
    assert event.id != announced.id
    assert road.importer.run(event) is Outcome.SUCCEEDED  # the event may be the faster one
    assert road.importer.run(announced) is Outcome.KNOWN
    assert entry.client.get(address).get_json()["id"] == str(event.id)
    assert len(entry.client.get("/imports").get_json()) == 1


def test_the_same_file_twice_is_two_objects_and_changes_nothing(entry: Entry, road: Road) -> None:
    for _ in range(2):
        entry.post(as_file(make_records(5)))
        assert road.importer.run(entry.queued()) is Outcome.SUCCEEDED
    assert len(entry.objects()) == 2
    shown = entry.client.get("/imports").get_json()
    assert [(each["inserted"], each["unchanged"]) for each in shown] == [(0, 5), (5, 0)]


def test_one_movie_alone_is_a_file_too(entry: Entry, road: Road) -> None:
    entry.post(json.dumps(make_record()).encode())
    assert road.importer.run(entry.queued()) is Outcome.SUCCEEDED
    assert len(road.movies()) == 1


def test_what_is_refused_is_not_stored(entry: Entry) -> None:
    answer = entry.client.post("/movies", data=b"[{}]", content_type="application/json")
    assert answer.status_code == 422
    assert entry.objects() == []


def test_a_posted_file_has_the_version_that_the_bucket_gave_it(entry: Entry, road: Road) -> None:
    entry.s3.put_bucket_versioning(
        Bucket=entry.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    address = entry.post(as_file([make_record()])).headers["Location"]
    announced = entry.queued()
    assert announced.version_id
    assert road.importer.run(announced) is Outcome.SUCCEEDED
    assert entry.client.get(address).get_json()["version_id"] == announced.version_id
