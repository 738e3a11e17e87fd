"""The emulator's floor: receives, fetches and deletes as a worker does, and imports nothing.

    python -m bench.plain_client QUEUE_URL

Says "ready", begins at the first line of its input, ends when the queue is empty, and prints as
JSON how many files it had, when it had the last one, and the seconds that each call took in all.
"""

import base64
import collections
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from local.cloud import make_client

_WAIT_SECONDS: Final = 1


class PlainClient:
    """One of several clients that work off a queue."""

    def __init__(self, endpoint: str, region: str, queue_url: str) -> None:
        self._sqs = make_client("sqs", endpoint, region)
        self._s3 = make_client("s3", endpoint, region)
        self._queue_url = queue_url
        self.files = 0
        self.seconds: dict[str, float] = collections.defaultdict(float)

    def take_one(self) -> bool:
        """Does for one message what every import does. False where there is none."""
        asked_at = time.monotonic()
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=1,  # a worker asks for as many as it has processes free
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        for message in answer.get("Messages", []):
            self.seconds["ReceiveMessage"] += time.monotonic() - asked_at
            self._fetch(_notification(message["Body"]))
            with self._timed("DeleteMessage"):
                self._sqs.delete_message(
                    QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
            self.files += 1
            return True
        return False

    def _fetch(self, notification: dict[str, Any]) -> None:
        with self._timed("GetObject"):
            self._s3.get_object(
                Bucket=notification["bucket"],
                Key=notification["key"],
                IfMatch=f'"{notification["etag"]}"',
            )["Body"].read()

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        started_at = time.monotonic()
        yield
        self.seconds[call] += time.monotonic() - started_at


def _notification(body: str) -> dict[str, Any]:
    """Reads a message as Celery writes it: base64 of JSON, and in that another one of each."""
    message = json.loads(base64.b64decode(body))
    _, arguments, _ = json.loads(base64.b64decode(message["body"]))
    found: dict[str, Any] = arguments["notification"]
    return found


def main() -> None:
    """Works off the queue."""
    client = PlainClient(os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"], sys.argv[1])
    print("ready", flush=True)
    if not sys.stdin.readline():
        return  # nobody wants to know any more
    ended_at = time.monotonic()  # one clock for all processes of a machine
    while client.take_one():
        ended_at = time.monotonic()
    print(json.dumps({"files": client.files, "ended_at": ended_at, "seconds": client.seconds}))


if __name__ == "__main__":
    main()
