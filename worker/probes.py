"""What a scrape asks for: the queue, the ledger and the last poll, as they are at that moment.

No scrape fails or waits long because one of them does not answer: each question has its time, an
answer is good for a while, and one that did not come is missing, which `mru_probe_up` says.
"""

import dataclasses
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final

import boto3.session
import psycopg2
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.database import parameters
from schemas.settings import DatabaseSettings
from schemas.waiting import wait_for_answer
from worker.dead_letters import QueueError, Queues
from worker.forking import Gate
from worker.settings import Settings

GOOD_FOR_SECONDS: Final = 10  # whoever scrapes more often, and several do, costs no more
_ASK_SECONDS: Final = 2  # of Postgres; SQS has as long for each of two questions

# An import that an operator asked for again waits since then, and not since it was first seen. What
# no worker has taken from the queue yet is not in the ledger.
_UNDER_WAY: Final = """
SELECT count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'running'),
    coalesce(extract(epoch FROM clock_timestamp() - min(greatest(first_seen_at, (
        SELECT max(at) FROM import_actions WHERE import_id = imports.id
    )))), 0)
FROM imports WHERE status IN ('queued', 'running')
"""

log = structlog.get_logger(__name__)


class Probe(Collector):
    """A question whose answer is kept for a while. `name` is its label in `mru_probe_up`."""

    name: str

    def __init__(self, gate: Gate, clock: Callable[[], float] = time.monotonic) -> None:
        self._gate = gate
        self._clock = clock
        self._kept: list[Metric] = []
        self._asked_at: float | None = None

    @abstractmethod
    def ask(self) -> list[Metric]:
        """Returns an answer. Raises whatever it likes where there is none."""

    def describe(self) -> list[Metric]:
        """Keeps the registry from asking before anybody scrapes."""
        return []

    def collect(self) -> list[Metric]:
        """Returns the answer, asked for now or a moment ago."""
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= GOOD_FOR_SECONDS:
            self._kept = self._answer()
            self._asked_at = now
        return self._kept

    def _answer(self) -> list[Metric]:
        up = GaugeMetricFamily(
            "mru_probe_up", "Whether what a scrape asks answered.", labels=["source"]
        )
        try:
            with self._gate.asking():
                found = self.ask()
        except (ClientError, BotoCoreError, QueueError, psycopg2.Error, OSError) as error:
            log.warning("a scrape was not answered", source=self.name, reason=str(error).strip())
            up.add_metric([self.name], 0)
            return [up]
        up.add_metric([self.name], 1)
        return [*found, up]


class QueueProbe(Probe):
    """How many messages the queue and its dead-letter queue have, as SQS says: about."""

    name = "queue"

    def __init__(self, settings: Settings, gate: Gate) -> None:
        super().__init__(gate)
        self._settings = settings
        self._queues: dict[str, Queues] = {}

    def ask(self) -> list[Metric]:
        """See Probe."""
        metric = GaugeMetricFamily(
            "mru_queue_messages",
            "Messages, about: waiting, in flight (in a worker's hands or put off) or delayed.",
            labels=["queue", "state"],
        )
        for name, queues in self._known().items():
            for state, number in dataclasses.asdict(queues.depth()).items():
                metric.add_metric([name, state], number)
        return [metric]

    def _known(self) -> dict[str, Queues]:
        if not self._queues:
            config = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
            client = boto3.session.Session().client(
                "sqs", region_name=self._settings.region, config=config
            )
            queue = Queues(client, self._settings.queue_url)
            self._queues = {"imports": queue, "dead": Queues(client, queue.dead_url())}
        return self._queues


class LedgerProbe(Probe):
    """How many imports are under way, and since when the oldest of them waits."""

    name = "ledger"

    def __init__(self, settings: DatabaseSettings, gate: Gate) -> None:
        super().__init__(gate)
        self._settings = settings

    def ask(self) -> list[Metric]:
        """See Probe."""
        queued, running, seconds = self._ask()
        under_way = GaugeMetricFamily(
            "mru_ledger_imports", "Imports that have not ended, in the ledger.", labels=["status"]
        )
        under_way.add_metric(["queued"], queued)
        under_way.add_metric(["running"], running)
        oldest = GaugeMetricFamily(
            "mru_ledger_oldest_import_age_seconds",
            "Since when the oldest import waits that the ledger knows and that has not ended.",
            value=float(seconds),
        )
        return [under_way, oldest]

    def _ask(self) -> Any:
        """Asks in a connection of its own, that never waits longer than it may.

        Whatever Postgres does: where it has stopped, none of its own time-outs ends a wait.
        """
        deadline = time.monotonic() + _ASK_SECONDS
        connection = psycopg2.connect(
            **parameters(self._settings), application_name="mru-worker-metrics", async_=True
        )
        try:
            wait_for_answer(connection, deadline, seconds=_ASK_SECONDS)
            cursor = connection.cursor()
            cursor.execute(_UNDER_WAY)
            wait_for_answer(connection, deadline, seconds=_ASK_SECONDS)
            return cursor.fetchone()
        finally:
            connection.close()


class AgeOfLastPoll(Collector):
    """How long ago SQS answered last; before the first time, for how long it has not."""

    def __init__(self, last_poll: Callable[[], float | None], *, began: float) -> None:
        self._last_poll = last_poll
        self._latest = began

    def collect(self) -> list[Metric]:
        """Returns the age, by a clock that nobody puts forward or back."""
        self._latest = max(self._latest, self._last_poll() or 0.0)
        return [
            GaugeMetricFamily(
                "mru_worker_last_poll_age_seconds",
                "How long ago SQS last answered this worker, or had nothing to be asked for.",
                value=time.monotonic() - self._latest,
            )
        ]
