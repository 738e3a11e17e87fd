"""Many files of one movie: how many a second the worker imports, and how many a second the emulator
serves to clients that do no more than make the same calls.
"""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from api.queue import ImportQueue
from bench.errors import BenchError
from bench.generate import generate
from bench.plan import ROOT
from bench.road import Deadline, Road, open_road
from bench.services import REGION, Services, aws_variables
from schemas.imports import ImportStatus
from schemas.notification import Notification

CONCURRENCY: Final = 2
_SECONDS: Final = 60
_FEWEST_A_SECOND: Final = 4  # files; slower than that is stuck


@dataclasses.dataclass(frozen=True)
class Floor:
    """One run of the plain clients. `call_seconds` are means, as the clients saw them."""

    seconds: float
    call_seconds: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class SmallFiles:
    """The worker's time for all files, and the plain clients' before and after it."""

    files: int
    seconds: float
    floors: tuple[Floor, Floor]

    @property
    def best_floor(self) -> Floor:
        """The faster of the two, which is harder to come near to."""
        return min(self.floors, key=lambda floor: floor.seconds)


def measure_small_files(services: Services, files: int) -> SmallFiles:
    """Measures floor, worker, floor, with the same objects and the same messages."""
    announced = _upload(services, files)
    before = _measure_floor(services, announced)
    seconds = _measure_worker(services, announced)
    return SmallFiles(files, seconds, (before, _measure_floor(services, announced)))


def _upload(services: Services, files: int) -> list[Notification]:
    announced = []
    for number, movie in enumerate(generate(files)):
        body = json.dumps(movie).encode()
        announced.append(services.put(body, f"small/{number}.json", len(body)))
    return announced


def _filled_queue(services: Services, announced: list[Notification]) -> str:
    url = services.make_queue()
    queue = ImportQueue(region=REGION, url=url)
    for notification in announced:
        queue.send(notification, request_id=str(notification.id))
    return url


def _measure_worker(services: Services, announced: list[Notification]) -> float:
    """Starts a worker on a full queue. The time is from its first poll until the queue is empty."""
    queue_url = _filled_queue(services, announced)
    with (
        services.fresh_database() as dsns,
        open_road(services, dsns, queue_url=queue_url, concurrency=CONCURRENCY) as (road, _),
    ):
        # Touched when the first poll is answered, and then once a second.
        started_at = services.rooms.heartbeat_file.stat().st_mtime
        _wait(road, services, len(announced))
        seconds = time.time() - started_at
        done = road.count(ImportStatus.SUCCEEDED)
        if done != len(announced):
            raise BenchError(f"{done} of {len(announced)} small files were imported.")
    return seconds


def _wait(road: Road, services: Services, files: int) -> None:
    deadline = Deadline(_SECONDS + files / _FEWEST_A_SECOND, services.supervisor)
    while road.count(ImportStatus.SUCCEEDED) < files or road.messages():
        deadline.pause("the small files")


def _measure_floor(services: Services, announced: list[Notification]) -> Floor:
    queue_url = _filled_queue(services, announced)
    clients = [_start_client(services, queue_url) for _ in range(CONCURRENCY)]
    try:
        for client in clients:
            if _pipe(client.stdout).readline() != "ready\n":
                raise BenchError("A plain client did not start.")
        started_at = time.monotonic()
        for client in clients:
            _pipe(client.stdin).write("go\n")
            _pipe(client.stdin).flush()
        limit = _SECONDS + len(announced) / _FEWEST_A_SECOND
        answers = [json.loads(client.communicate(timeout=limit)[0]) for client in clients]
    finally:
        for client in clients:
            client.kill()
            client.communicate()
    return _floor(answers, started_at, len(announced))


def _floor(answers: list[dict[str, Any]], started_at: float, files: int) -> Floor:
    done = sum(answer["files"] for answer in answers)
    if done != files:
        raise BenchError(f"The plain clients had {done} of {files} messages.")
    return Floor(
        seconds=max(answer["ended_at"] for answer in answers) - started_at,
        call_seconds={
            call: sum(answer["seconds"].get(call, 0) for answer in answers) / files
            for call in ("ReceiveMessage", "GetObject", "DeleteMessage")
        },
    )


def _start_client(services: Services, queue_url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench.plain_client", queue_url],
        cwd=ROOT,
        env=os.environ | aws_variables(services.aws_url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _pipe(pipe: Any) -> Any:
    if pipe is None:
        raise BenchError("A plain client has no pipe.")
    return pipe
