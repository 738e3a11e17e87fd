"""A notification that the API accepted is in the queue, spoken to by the real SQS protocol."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from flask.testing import FlaskClient

from schemas.notification import IMPORT_QUEUE, IMPORT_TASK, load_notification
from tests.builders import OLD_SECRET, SECRET
from tests.calling import make_api, make_signed
from tests.faults import Fault, close, hang, lose_answer, status
from tests.proxies import HttpProxy
from tests.rig import AWS, REGION, moto_server

NOTIFICATION = {
    "bucket": "movies-r-us",
    "key": "films/Amélie 映画.json",
    "etag": "d41d8cd98f00b204e9800998ecf8427e",
    "size": 2453005,
    "sequencer": "0055AED6DCD90281E5",
    "event_time": "2026-11-24T08:00:00.123Z",
    "request_id": "C3D13FE58DE4C810",
}


class Sqs:
    """A queue in an emulated SQS, looked at directly; the API sees it through a proxy."""

    def __init__(self, port: int, proxy: HttpProxy) -> None:
        self.proxy = proxy
        self._client = boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        name = f"{IMPORT_QUEUE}-{uuid.uuid4().hex[:8]}"
        self.url: str = self._client.create_queue(QueueName=name)["QueueUrl"]

    def take(self) -> list[dict[str, Any]]:
        """Takes every message out of the queue, decoded as a worker would."""
        found = []
        while messages := self._client.receive_message(QueueUrl=self.url).get("Messages"):
            for message in messages:
                found.append(json.loads(base64.b64decode(message["Body"])))
                self._client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
        return found


@pytest.fixture(scope="module")
def emulator() -> Iterator[int]:
    with moto_server() as port:
        yield port


@pytest.fixture
def sqs(emulator: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sqs]:
    with HttpProxy(emulator) as proxy:
        for name, value in {**AWS, "AWS_ENDPOINT_URL": proxy.url}.items():
            monkeypatch.setenv(name, value)
        yield Sqs(emulator, proxy)


@pytest.fixture
def client(sqs: Sqs) -> FlaskClient:
    return make_api(MRU_QUEUE_URL=sqs.url, AWS_REGION=REGION).test_client()


def post(client: FlaskClient, body: dict[str, Any], **headers: str) -> Any:
    signed = make_signed(body)
    return client.post("/notifications", **signed | {"headers": signed["headers"] | headers})


def body_of(message: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(message["body"]))


def test_an_accepted_notification_is_in_the_queue_as_a_celery_task(
    sqs: Sqs, client: FlaskClient
) -> None:
    answer = post(client, NOTIFICATION, **{"X-Request-ID": "C3D13FE58DE4C810"})
    assert answer.status_code == 202
    wanted = load_notification(NOTIFICATION)
    assert answer.get_json() == {"import": f"/imports/{wanted.id}"}
    assert answer.headers["Location"] == f"/imports/{wanted.id}"

    (message,) = sqs.take()
    assert message["headers"]["task"] == IMPORT_TASK
    assert message["headers"]["id"] == str(wanted.id)
    assert message["headers"]["request_id"] == "C3D13FE58DE4C810"
    assert message["content-type"] == "application/json"
    assert message["properties"]["delivery_info"]["routing_key"] == IMPORT_QUEUE
    args, kwargs, embedded = body_of(message)
    assert args == []
    assert load_notification(kwargs["notification"]) == wanted
    assert set(embedded) == {"callbacks", "errbacks", "chain", "chord"}


def test_sending_is_the_only_thing_asked_of_sqs(sqs: Sqs, client: FlaskClient) -> None:
    post(client, NOTIFICATION)
    assert [request.operation for request in sqs.proxy.requests] == ["SendMessage"]


def test_the_seeds_two_fields_are_enough(sqs: Sqs, client: FlaskClient) -> None:
    answer = post(
        client, {"bucket": "movies-r-us", "key": "movies.json"}, **{"X-Request-ID": "mine"}
    )
    assert answer.status_code == 202
    (message,) = sqs.take()
    _, kwargs, _ = body_of(message)
    assert kwargs["notification"] == {
        "id": answer.get_json()["import"].removeprefix("/imports/"),
        "bucket": "movies-r-us",
        "key": "movies.json",
        "request_id": "mine",
    }


def test_the_same_event_twice_asks_for_the_same_import(sqs: Sqs, client: FlaskClient) -> None:
    addresses = {post(client, NOTIFICATION).headers["Location"] for _ in range(2)}
    assert len(addresses) == 1
    assert len({message["headers"]["id"] for message in sqs.take()}) == 1


def test_an_id_in_the_body_is_ignored(sqs: Sqs, client: FlaskClient) -> None:
    chosen = str(uuid.uuid4())
    answer = post(client, NOTIFICATION | {"id": chosen})
    assert answer.status_code == 202
    assert chosen not in answer.text
    assert chosen not in json.dumps(body_of(sqs.take()[0]))


def test_either_of_two_secrets_is_accepted(sqs: Sqs) -> None:
    app = make_api(
        MRU_QUEUE_URL=sqs.url, AWS_REGION=REGION, MRU_NOTIFICATION_SECRET=f"{SECRET} {OLD_SECRET}"
    )
    for secret in (SECRET, OLD_SECRET):
        signed = make_signed(NOTIFICATION, secret=secret)
        assert app.test_client().post("/notifications", **signed).status_code == 202
    assert len(sqs.take()) == 2


def test_what_is_refused_is_not_queued(sqs: Sqs, client: FlaskClient) -> None:
    assert post(client, NOTIFICATION | {"bucket": "somebody-elses"}).status_code == 403
    assert post(client, NOTIFICATION | {"size": "x"}).status_code == 422
    assert client.post("/notifications", json=NOTIFICATION).status_code == 401
    assert sqs.proxy.requests == []


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(hang, id="black hole"),
        pytest.param(close, id="closed socket"),
        pytest.param(lose_answer, id="lost answer"),
        pytest.param(status(500, "InternalFailure"), id="500"),
        pytest.param(status(503, "ServiceUnavailable"), id="503"),
        pytest.param(status(403, "AccessDenied"), id="403"),
        pytest.param(status(400, "AWS.SimpleQueueService.NonExistentQueue"), id="no such queue"),
        pytest.param(status(400, "ThrottlingException"), id="throttled"),
    ],
)
def test_a_queue_that_fails_is_503_within_ten_seconds_and_heals(
    sqs: Sqs, client: FlaskClient, fault: Fault
) -> None:
    sqs.proxy.plan(fault, times=100)
    started = time.monotonic()
    answer = post(client, NOTIFICATION)
    assert time.monotonic() - started < 10
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    sqs.proxy.clear()
    assert post(client, NOTIFICATION).status_code == 202


def test_one_failure_of_sqs_is_bridged(sqs: Sqs, client: FlaskClient) -> None:
    sqs.proxy.plan(status(503, "ServiceUnavailable"))
    assert post(client, NOTIFICATION).status_code == 202
    assert len(sqs.take()) == 1
