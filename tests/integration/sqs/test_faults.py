"""One worker lives through all that SQS can do to it, and through every kind of bad message."""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests import faults
from tests.rig import Rig, encode, make_message, make_rig, running_worker, wait_until

RECEIVE_FAULTS = {
    "500": faults.status(500, "InternalError"),
    "503": faults.status(503, "ServiceUnavailable"),
    "throttled": faults.status(400, "ThrottlingException"),
    "403": faults.status(403, "AccessDeniedException"),
    "closed socket": faults.close,
    "black hole": faults.hang,
    "answer lost": faults.lose_answer,
    "answer cut": faults.cut_body(after_bytes=1),
    "answer is no JSON": lambda exchange: exchange.answer(200, b"{"),
    "answer is a list": lambda exchange: exchange.answer(200, b"[]"),
}


def _broken(**changes: object) -> str:
    return encode(json.dumps(make_message("probe.touch", "never", **changes)))


POISON = {
    "no id": _broken(headers={"task": "probe.touch"}),
    "body is no triple": _broken(body=encode(json.dumps(["never"]))),
    "body is no base64": _broken(body="!"),
    "body is empty": _broken(body=""),
    "body is not what it says": _broken(body=encode("{")),
    "properties are null": _broken(properties=None),
    "properties are a list": _broken(properties=[]),
    "delivery info is a list": _broken(properties={"delivery_info": []}),
    "headers are a list": _broken(headers=["task", "id"]),
    "headers are text": _broken(headers="task"),
    "unknown task": encode(json.dumps(make_message("probe.nobody_knows_this"))),
    "unknown task without id": _broken(headers={"task": "probe.nobody_knows_this"}),
    "task name is a list": _broken(headers={"task": [], "id": "1"}),
    "arguments are wrong": encode(json.dumps(make_message("probe.touch", 1, 2, 3))),
    "the task runs out of memory": encode(json.dumps(make_message("probe.out_of_memory"))),
    "pickle": _broken(**{"content-type": "application/x-python-serialize"}),
    "bad eta": _broken(headers={"task": "probe.touch", "id": "1", "eta": "tomorrow"}),
    "not JSON": "This is not JSON.",
    "a JSON list": "[]",
    "base64 of no text": "////",
}


@pytest.fixture(scope="module")
def rig(moto_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with make_rig(moto_port, tmp_path_factory.mktemp("faults")) as rig:
        yield rig


@pytest.fixture(scope="module")
def shared_worker(rig: Rig) -> Iterator[subprocess.Popen[bytes]]:
    # SQS fails from the very start: a worker comes up all the same.
    plan = rig.proxy.plan(faults.status(503, "ServiceUnavailable"), times=2)
    with running_worker(rig) as worker:
        plan.wait(2)
        rig.process_a_good_message()
        yield worker


@pytest.fixture
def worker(rig: Rig, shared_worker: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    rig.proxy.clear()
    wait_until("the queue is empty", lambda: rig.count(rig.queue_url) == 0)
    yield shared_worker
    assert shared_worker.poll() is None, "the worker has exited"


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("fault", RECEIVE_FAULTS.values(), ids=RECEIVE_FAULTS)
def test_a_worker_goes_on_polling_after_a_failed_receive(rig: Rig, fault: faults.Fault) -> None:
    plan = rig.proxy.plan(fault, operation="ReceiveMessage")
    rig.process_a_good_message()  # answers the poll that is under way; the next one meets the fault
    plan.wait()
    rig.process_a_good_message()


@pytest.mark.usefixtures("worker")
def test_a_worker_that_fails_to_receive_does_not_hammer(rig: Rig) -> None:
    plan = rig.proxy.plan(faults.status(500), operation="ReceiveMessage", times=3)
    rig.process_a_good_message()
    plan.wait()
    begin = time.monotonic()
    plan.wait(2)
    assert time.monotonic() - begin > 1.4  # half a second, then a whole one
    rig.process_a_good_message()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("error", ["AccessDenied", "ReceiptHandleIsInvalid"])
def test_a_message_that_could_not_be_deleted_comes_again(rig: Rig, error: str) -> None:
    name = f"deleted-{error}"
    rig.proxy.plan(faults.status(403, error), operation="DeleteMessage")
    rig.send("probe.touch", name)
    assert rig.wait_for(name, 2) == ["1", "2"]


@pytest.mark.usefixtures("worker")
def test_a_delete_whose_answer_is_lost_is_a_delete(rig: Rig) -> None:
    plan = rig.proxy.plan(faults.lose_answer, operation="DeleteMessage", times=2)
    rig.send("probe.touch", "lost")
    plan.wait(2)
    assert rig.count(rig.queue_url) == 0
    rig.process_a_good_message()
    assert rig.traces("lost") == ["1"]


def test_every_kind_of_bad_message_reaches_the_dead_letter_queue(
    rig: Rig, worker: subprocess.Popen[bytes]
) -> None:
    before = rig.count(rig.dead_queue_url)
    for body in POISON.values():
        rig.send_raw(body)
    rig.process_a_good_message()
    wait_until(
        "all bad messages are dead",
        lambda: rig.count(rig.dead_queue_url) - before == len(POISON),
    )
    assert rig.count(rig.queue_url) == 0
    assert rig.traces("never") == []
    rig.process_a_good_message()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("routing_key", ["elsewhere", ["imports"], None])
def test_what_a_sender_says_of_the_way_is_of_no_account(rig: Rig, routing_key: object) -> None:
    name = f"way-{routing_key}"
    message = make_message("probe.touch", name)
    message["properties"]["delivery_info"] = {"exchange": {}, "routing_key": routing_key}
    rig.send_raw(encode(json.dumps(message)))
    assert rig.wait_for(name) == ["1"]
    wait_until("it is deleted", lambda: rig.count(rig.queue_url) == 0)


@pytest.mark.usefixtures("worker")
def test_the_heartbeat_file_is_as_young_as_the_last_answered_poll(rig: Rig) -> None:
    file = rig.folder / "heartbeat"
    seen = file.stat().st_mtime_ns
    wait_until("a heartbeat", lambda: file.stat().st_mtime_ns > seen)
    plan = rig.proxy.plan(faults.status(500), operation="ReceiveMessage", times=3)
    plan.wait()
    seen = file.stat().st_mtime_ns
    plan.wait(2)
    assert file.stat().st_mtime_ns == seen


@pytest.mark.usefixtures("worker")
def test_there_is_still_but_one_loop_of_polls(rig: Rig) -> None:
    def polls() -> int:
        return sum(request.operation == "ReceiveMessage" for request in rig.proxy.requests)

    begin, before = time.monotonic(), polls()
    wait_until("three polls", lambda: polls() >= before + 3)
    assert time.monotonic() - begin > 1.8  # each waits a second, and the first was under way
