"""The worker's metrics: counted in its main process, of what all of its processes tell, and served
from there. It outlives its children, so that nothing that was counted is lost with one of them.
"""

# celery has few types: to mypy its classes are Any.
# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False

import threading
import time
from collections.abc import Iterable
from typing import Any, Final

import structlog
from celery import Celery, bootsteps
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    make_wsgi_app,
)

from schemas.imports import ErrorCode
from schemas.metrics_server import serve
from worker.forking import Gate
from worker.importing import Outcome
from worker.observe import Pipe, Report, Result, open_pipe
from worker.probes import AgeOfLastPoll, LedgerProbe, QueueProbe
from worker.settings import SETTINGS, Settings

RECORDS: Final = ("inserted", "updated", "unchanged", "stale", "repeated", "rejected")
STAGES: Final = ("fetch", "validate", "store")

_STAGE_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
# From a second, which is what an upload takes, to an hour, after which it is late however late.
_WAITED_SECONDS: Final = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

log = structlog.get_logger(__name__)


class Meters:
    """What is counted. Every series is there from the start, at 0, so that its first step shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._messages = Counter(
            "mru_messages",
            "Messages by what became of them, at each receipt.",
            ["result"],
            registry=registry,
        )
        self._imports = Counter(
            "mru_imports", "Imports that ended.", ["outcome", "error_code"], registry=registry
        )
        self._records = Counter(
            "mru_import_records",
            "Records of imports that ended.",
            ["outcome"],
            registry=registry,
        )
        self._bytes = Counter(
            "mru_import_read_bytes", "Bytes read from S3 by imports that ended.", registry=registry
        )
        self._stages = Histogram(
            "mru_import_stage_duration_seconds",
            "How long each stage of an import took; they overlap in time.",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._waited = Histogram(
            "mru_import_event_to_commit_seconds",
            "From S3's event to the commit. What was retried or backfilled counts in full.",
            buckets=_WAITED_SECONDS,
            registry=registry,
        )
        self._begin()

    def _begin(self) -> None:
        for result in Result:
            self._messages.labels(result)
        for outcome in set(Outcome) - {Outcome.FAILED}:
            self._imports.labels(outcome, "")
        for code in ErrorCode:
            self._imports.labels(Outcome.FAILED, code)
        for kind in RECORDS:
            self._records.labels(kind)
        for stage in STAGES:
            self._stages.labels(stage)

    def count(self, report: Report) -> None:
        """Counts what one report says."""
        self._messages.labels(report.result).inc()
        if report.outcome:
            self._imports.labels(report.outcome, report.error_code).inc()
        for kind, number in report.records.items():
            self._records.labels(kind).inc(number)
        for stage, seconds in report.stages.items():
            self._stages.labels(stage).observe(seconds)
        self._bytes.inc(report.bytes_read)
        if report.waited is not None:
            self._waited.observe(report.waited)


class MetricsStep(bootsteps.StartStopStep):
    """Counts and serves, from the moment that the first children are forked."""

    requires = ("celery.worker.components:Pool",)
    conditional = True

    def include_if(self, worker: Any) -> bool:
        """Whether metrics are wanted."""
        settings: Settings = worker.app.conf[SETTINGS]
        return settings.metrics is not None

    def create(self, worker: Any) -> None:  # noqa: ARG002  Celery's signature
        """Opens the pipe, before anybody is forked."""
        self._pipe = open_pipe()

    def start(self, worker: Any) -> None:
        """Begins to serve. Raises SettingError where the port is not to be had."""
        settings: Settings = worker.app.conf[SETTINGS]
        if settings.metrics is None:
            raise ValueError("No metrics are wanted.")
        disable_created_metrics()  # a series more for each, which nobody asks for
        registry = CollectorRegistry()
        meters = Meters(registry)
        listener = settings.metrics.listen()
        gate = Gate(listener)
        for probe in (
            QueueProbe(settings, gate),
            LedgerProbe(settings.database, gate),
            AgeOfLastPoll(lambda: _last_poll(worker), began=time.monotonic()),
        ):
            registry.register(probe)
        threading.Thread(
            target=_count, args=(meters, self._pipe), name="reports", daemon=True
        ).start()
        serve(listener, make_wsgi_app(registry))

    def stop(self, worker: Any) -> None:
        """Does nothing: the last imports are counted, and may be scraped, to the very end."""


def add_metrics(app: Celery) -> None:
    """Makes the workers of an app show their metrics, where these are wanted."""
    app.steps["worker"].add(MetricsStep)


def _count(meters: Meters, pipe: Pipe) -> None:
    reports: Iterable[Report] = pipe.reports()
    for report in reports:
        meters.count(report)


def _last_poll(worker: Any) -> float | None:
    # None between two connections, and before the first.
    connection = getattr(getattr(worker, "consumer", None), "connection", None)
    return connection.transport.last_poll if connection else None
