"""A real worker process on a queue and a database of its own, and how long its imports take."""

import dataclasses
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from api.queue import ImportQueue
from bench.errors import BenchError
from bench.memory import Peak, watched_memory
from bench.postgres import connect
from bench.services import BUCKET, REGION, Services
from local.console import Files
from local.database import Dsns, environment_of
from local.processes import Supervisor
from schemas.imports import ImportStatus
from schemas.notification import Notification

_STARTED_SECONDS: Final = 60
_FEWEST_A_SECOND: Final = 1_000  # movies; a run that is slower than that is stuck
_POLL_SECONDS: Final = 0.003
_MAX_POLL_SECONDS: Final = 0.2
_POLL_SHARE: Final = 0.005  # of the time that has passed: what polling may add to a figure
_WARM_UP: Final = b'{"title": "Warm-up", "year": 2000}'


@dataclasses.dataclass(frozen=True)
class Passage:
    """One file's way through the worker. `stages` is the ledger's own view, in seconds."""

    seconds: float
    stages: Mapping[str, float]
    peak: Peak | None  # where memory was watched


class Road:
    """A worker that runs, its queue, and a look at its ledger."""

    def __init__(
        self, services: Services, supervisor: Supervisor, queue_url: str, dsn: str
    ) -> None:
        self._supervisor = supervisor
        self._sqs = services.sqs
        self._queue = ImportQueue(region=REGION, url=queue_url)
        self._queue_url = queue_url
        self._database = connect(dsn)

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()

    def send(self, notification: Notification) -> None:
        """Asks for an import, as the API does."""
        self._queue.send(notification, request_id=str(uuid.uuid4()))

    def wait_for(self, notification: Notification, movies: int) -> Mapping[str, float]:
        """Waits until an import has succeeded and its message is gone; returns its timings.

        Raises BenchError where it fails, takes too long, or did not insert all movies.
        """
        deadline = Deadline(_STARTED_SECONDS + movies / _FEWEST_A_SECOND, self._supervisor)
        while (entry := self._entry(notification)) is None:
            deadline.pause(f"the import of {notification.key}")
        status, inserted, timings, error = entry
        if status != ImportStatus.SUCCEEDED or inserted != movies:
            raise BenchError(f"{notification.key}: {status}, {inserted} inserted. {error or ''}")
        while self.messages():
            deadline.pause("the end of its message")
        found: Mapping[str, float] = timings
        return found

    def count(self, status: ImportStatus) -> int:
        """Returns how many imports have a status."""
        with self._database.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM imports WHERE status = %s", (status,))
            found: int = cursor.fetchone()[0]
            return found

    def messages(self) -> int:
        """Returns how many messages the queue has, in flight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def _entry(self, notification: Notification) -> Any:
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT status, inserted, timings, error FROM imports"
                " WHERE id = %s AND finished_at IS NOT NULL",
                (str(notification.id),),
            )
            return cursor.fetchone()


class Deadline:
    """The end of a wait; between two looks it pauses longer the longer it has taken."""

    def __init__(self, seconds: float, supervisor: Supervisor) -> None:
        self._started_at = time.monotonic()
        self._seconds = seconds
        self._supervisor = supervisor

    def pause(self, what: str) -> None:
        """Pauses. Raises BenchError when it is late, and ProcessError when a process has died."""
        self._supervisor.check()
        passed = time.monotonic() - self._started_at
        if passed > self._seconds:
            raise BenchError(f"Waited {self._seconds:.0f} seconds in vain for {what}.")
        time.sleep(min(_MAX_POLL_SECONDS, max(_POLL_SECONDS, passed * _POLL_SHARE)))


@contextmanager
def open_road(
    services: Services, dsns: Dsns, *, queue_url: str, concurrency: int
) -> Iterator[tuple[Road, int]]:
    """Starts a worker, and yields the road and the worker's process number when it polls."""
    rooms = services.rooms
    rooms.heartbeat_file.unlink(missing_ok=True)
    environment = rooms.environment(services.aws_url, queue_url, environment_of(dsns.worker))
    environment["MRU_CONCURRENCY"] = str(concurrency)
    environment["MRU_BUCKETS"] = BUCKET
    with Supervisor(Files(services.folder / "logs")) as supervisor:
        process = supervisor.start(rooms.worker(environment))
        with closing(Road(services, supervisor, queue_url, dsns.admin)) as road:
            supervisor.wait_until("worker", rooms.heartbeat_file.exists)
            yield road, process


def measure_passage(services: Services, file: Path, movies: int, *, watch: bool) -> Passage:
    """Imports a file into a fresh database by a warm worker.

    The time is from the moment at which the message is sent until it is gone. `watch` has the
    worker's memory watched, which takes a few hundredths of a core.
    """
    queue_url = services.make_queue()
    with (
        services.fresh_database() as dsns,
        open_road(services, dsns, queue_url=queue_url, concurrency=1) as (road, process),
    ):
        warm_up = services.put(_WARM_UP, "warm-up.json", len(_WARM_UP))
        road.send(warm_up)
        road.wait_for(warm_up, 1)
        announced = services.upload(file, file.name)
        try:
            with watched_memory(process) if watch else nullcontext() as peak:
                started_at = time.monotonic()
                road.send(announced)
                stages = road.wait_for(announced, movies)
                seconds = time.monotonic() - started_at
        finally:
            services.remove(file.name)
    return Passage(seconds, stages, peak)
