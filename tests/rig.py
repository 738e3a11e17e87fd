"""A rig for the SQS tests: a queue with a dead-letter queue, a proxy before SQS, and a real worker.

The worker runs tests/probe_worker.py as a process, and sees SQS through the proxy alone; the tests
look at SQS directly.
"""

import base64
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import boto3
from moto.server import ThreadedMotoServer

from schemas.notification import IMPORT_QUEUE
from tests.proxies import HttpProxy

ROOT: Final = Path(__file__).parent.parent
REGION: Final = "eu-central-1"
AWS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
DEADLINE_SECONDS: Final = 60
# For how long the queues hide a message, if whoever receives it does not say: no test waits for it.
_QUEUE_VISIBILITY_SECONDS: Final = 720


def wait_until(what: str, condition: Callable[[], Any]) -> None:
    """Returns as soon as the condition holds. Fails after a while, saying what was in vain."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def moto_server() -> Iterator[int]:
    """Runs an emulated AWS in a thread of this process, and yields its port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()[1]
    finally:
        server.stop()


def make_message(task: str, *args: Any, **changes: Any) -> dict[str, Any]:
    """Builds a message as Celery sends it. `changes` replace its outermost fields."""
    task_id = str(uuid.uuid4())
    message = {
        "body": encode(json.dumps([args, {}, {"callbacks": None, "errbacks": None}])),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": task_id, "root_id": task_id},
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": IMPORT_QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    return message | changes


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclasses.dataclass
class Rig:
    """A queue, its dead-letter queue, the proxy, and the folder in which tasks leave traces."""

    sqs: Any
    queue_url: str
    dead_queue_url: str
    visibility_seconds: int  # the workers', who ask for it whenever they receive
    proxy: HttpProxy
    folder: Path

    def send(self, task: str, *args: Any) -> None:
        self.send_raw(encode(json.dumps(make_message(task, *args))))

    def send_raw(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def count(self, queue_url: str) -> int:
        """Returns how many messages a queue has, in flight or not.

        Asked twice: the emulator counts one that becomes visible at this moment as neither.
        """
        return max(self._count(queue_url), self._count(queue_url))

    def waiting(self) -> int:
        """Returns how many messages the next worker could have."""
        name = "ApproximateNumberOfMessages"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def _count(self, queue_url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def traces(self, name: str) -> list[str]:
        """Returns what tasks have left under a name."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, name: str, times: int = 1) -> list[str]:
        wait_until(f"{times} x {name}", lambda: len(self.traces(name)) >= times)
        return self.traces(name)

    def let_go(self, name: str) -> None:
        (self.folder / f"{name}.go").touch()

    def process_a_good_message(self) -> None:
        """Fails unless the worker takes up a message that is sent now, and finishes it."""
        name = f"good-{uuid.uuid4()}"
        self.send("probe.touch", name)
        self.wait_for(name)


@contextlib.contextmanager
def make_rig(
    moto_port: int, folder: Path, *, visibility_seconds: int = 2, max_receives: int = 2
) -> Iterator[Rig]:
    """Makes the queues and the proxy."""
    name = f"imports-{uuid.uuid4().hex[:8]}"
    endpoint = f"http://127.0.0.1:{moto_port}"
    sqs = boto3.session.Session("test", "test", region_name=REGION).client(
        "sqs", endpoint_url=endpoint
    )
    dead_url = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]
    redrive = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": max_receives}
    attributes = {
        "VisibilityTimeout": str(_QUEUE_VISIBILITY_SECONDS),
        "RedrivePolicy": json.dumps(redrive),
    }
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    try:
        with HttpProxy(moto_port) as proxy:
            yield Rig(sqs, url, dead_url, visibility_seconds, proxy, folder)
    finally:
        sqs.close()


@contextlib.contextmanager
def running_worker(
    rig: Rig, *, concurrency: int = 2, soft_limit_seconds: float = 60
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a worker, and kills what is left of it at the end."""
    environment = os.environ | AWS
    environment |= {
        "AWS_ENDPOINT_URL": rig.proxy.url,
        "PROBE_QUEUE_URL": rig.queue_url,
        "PROBE_FOLDER": str(rig.folder),
        "PROBE_CONCURRENCY": str(concurrency),
        "PROBE_VISIBILITY_SECONDS": str(rig.visibility_seconds),
        "PROBE_SOFT_LIMIT_SECONDS": str(soft_limit_seconds),
    }
    command = [sys.executable, "-m", "celery", "-A", "tests.probe_worker", "--quiet", "worker"]
    with (rig.folder / f"worker-{uuid.uuid4().hex[:4]}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> int:
    """Sends the worker's main process a signal, and returns its exit status."""
    process.send_signal(how)
    return process.wait(DEADLINE_SECONDS)
