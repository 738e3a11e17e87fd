"""A task's hold on its message, against an emulated SQS in this process."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3.session
import pytest
from botocore.exceptions import EndpointConnectionError
from celery.app.task import Context
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from worker.errors import LeaseLostError
from worker.lease import MAX_DELAY_SECONDS, Lease, Message, growing_delay, sqs_client

REGION = "eu-central-1"


class FlakySqs:
    """A client whose first calls fail, each for the next of the given reasons."""

    def __init__(self, client: Any, *failures: Exception) -> None:
        self.client, self.failures, self.calls = client, list(failures), 0

    def change_message_visibility(self, **parameters: Any) -> Any:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.client.change_message_visibility(**parameters)


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        yield boto3.session.Session("test", "test", region_name=REGION).client("sqs")


def receive(sqs: Any) -> Message:
    """Sends a message to a new queue, and receives it."""
    url = sqs.create_queue(QueueName="imports")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    answer = sqs.receive_message(QueueUrl=url, VisibilityTimeout=30)
    handle = answer["Messages"][0]["ReceiptHandle"]
    return Message(url, handle, receive_count=1, received_at=time.monotonic())


def lease_on(message: Message | None, client: Any, visibility_seconds: float = 30) -> Lease:
    return Lease(message, lambda: client, visibility_seconds=visibility_seconds)


def visible(sqs: Any, message: Message) -> bool:
    return bool(sqs.receive_message(QueueUrl=message.queue_url).get("Messages"))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@given(st.integers(1, 1000), st.floats(0.01, 100))
def test_delays_stay_within_bounds(receive_count: int, base_seconds: float) -> None:
    assert 1 <= growing_delay(receive_count, base_seconds) <= MAX_DELAY_SECONDS


@given(st.integers(1, 6))
def test_delays_grow_with_each_receipt(receive_count: int) -> None:
    full = 10 * 2 ** (receive_count - 1)
    assert 0.75 * full <= growing_delay(receive_count, 10) <= full


def test_a_message_is_found_in_what_celery_gives_a_task() -> None:
    sqs_message = {"ReceiptHandle": "handle", "Attributes": {"ApproximateReceiveCount": "3"}}
    info = {"sqs_queue": "https://queue", "sqs_message": sqs_message, "received_at": 7.5}
    request = Context({"properties": {"delivery_tag": "handle", "delivery_info": info}})
    lease = Lease.of(request, lambda: None, visibility_seconds=30)
    assert lease.message == Message("https://queue", "handle", 3, 7.5)
    assert lease.receive_count == 3


def test_a_task_called_directly_holds_nothing_and_loses_nothing() -> None:
    lease = Lease.of(Context(), lambda: pytest.fail("asked SQS"), visibility_seconds=0.01)
    with lease.heartbeat():
        assert lease.extend(10)
        lease.postpone(10)
    assert lease.receive_count == 1
    assert not lease.lost.is_set()


def test_an_extension_hides_the_message_for_so_long(sqs: Any) -> None:
    message = receive(sqs)
    assert lease_on(message, sqs).extend(0)
    assert visible(sqs, message)


def test_a_postponed_message_is_hidden_for_the_delay(sqs: Any) -> None:
    message = receive(sqs)
    assert lease_on(message, sqs).postpone(40) >= 30
    assert not visible(sqs, message)


def test_a_message_that_was_deleted_is_lost(sqs: Any) -> None:
    message = receive(sqs)
    lease = lease_on(message, sqs)
    sqs.delete_message(QueueUrl=message.queue_url, ReceiptHandle=message.receipt_handle)
    assert not lease.extend(10)
    assert lease.lost.is_set()


def test_a_failed_extension_is_tried_again_before_the_lease_ends(sqs: Any) -> None:
    client = FlakySqs(sqs, *[EndpointConnectionError(endpoint_url="http://sqs")] * 2)
    lease = lease_on(receive(sqs), client, visibility_seconds=1)
    with lease.heartbeat():
        until(lambda: client.calls == 4)
    assert not lease.lost.is_set()


def test_a_lease_that_nobody_extends_in_time_counts_as_lost(sqs: Any) -> None:
    client = FlakySqs(sqs, *[EndpointConnectionError(endpoint_url="http://sqs")] * 99)
    lease = lease_on(receive(sqs), client, visibility_seconds=0.2)
    with lease.heartbeat():
        assert lease.lost.wait(10)


def test_the_time_that_a_message_waited_for_its_task_counts(sqs: Any) -> None:
    message = receive(sqs)
    client = FlakySqs(sqs)
    waited = dataclasses.replace(message, received_at=message.received_at - 15)
    with lease_on(waited, client, visibility_seconds=30).heartbeat():
        until(lambda: client.calls == 1)  # at once, not after ten seconds


def test_a_message_that_waited_too_long_is_lost_before_its_task_begins(sqs: Any) -> None:
    message = receive(sqs)
    waited = dataclasses.replace(message, received_at=message.received_at - 31)
    lease = lease_on(waited, sqs, visibility_seconds=30)
    with pytest.raises(LeaseLostError), lease.heartbeat():
        pytest.fail("it began")
    assert lease.lost.is_set()


def test_a_heartbeat_ends_with_its_body_even_if_that_raises(sqs: Any) -> None:
    lease = lease_on(receive(sqs), sqs)
    with pytest.raises(RuntimeError):
        fail_under(lease)
    assert "lease" not in {thread.name for thread in threading.enumerate()}


def fail_under(lease: Lease) -> None:
    with lease.heartbeat():
        assert "lease" in {thread.name for thread in threading.enumerate()}
        raise RuntimeError


def test_a_process_has_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert sqs_client(REGION) is sqs_client(REGION)
