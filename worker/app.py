"""The Celery app, as `celery -A worker.app worker` finds it.

Importing this module reads and opens nothing: `app` is made when it is first asked for.
"""

import functools
import logging
import os
from typing import Any, Final

from billiard.util import get_logger as get_pool_logger
from celery import Celery, signals

from schemas.logs import configure_logs
from schemas.settings import Environment, LogFormat
from schemas.traces import Traces
from worker import tasks
from worker.celery_settings import celery_settings
from worker.metrics import add_metrics
from worker.settings import Settings

_HARD_LIMIT_AFTER_SECONDS: Final = 30  # for writing down what happened


def create_app(settings: Settings) -> Celery:
    """Makes a Celery app that imports what its queue announces. Connects to nothing yet."""
    app = Celery("movies-r-us")
    app.conf.update(
        celery_settings(
            settings.queue_url,
            settings.region,
            soft_limit_seconds=settings.task_seconds,
            hard_limit_seconds=settings.task_seconds + _HARD_LIMIT_AFTER_SECONDS,
            concurrency=settings.concurrency,
            wait_time_seconds=settings.wait_time_seconds,
            heartbeat_file=settings.heartbeat_file,
        )
    )
    app.conf["mru_settings"] = settings  # for the commands, which are given the app alone
    tasks.register(app, settings)
    if settings.metrics is not None:
        add_metrics(app)
    return app


@functools.cache
def _app_of_this_process() -> Celery:
    environment = Environment(os.environ)
    settings = Settings.read(environment)
    readable = settings.log_format is LogFormat.TEXT

    def configure(**_: Any) -> None:
        configure_logs("worker", readable=readable)
        pool = get_pool_logger()
        pool.propagate = True  # that a process was killed; without this it goes past our format
        pool.setLevel(logging.WARNING)

    # Whoever listens to this signal keeps Celery from setting levels and formats of its own.
    signals.setup_logging.connect(configure, weak=False)
    _trace_children(Traces.load(environment, "worker", ("celery", "botocore", "psycopg2")))
    return create_app(settings)


def _trace_children(traces: Traces | None) -> None:
    """Has each process that imports send its traces; the one that forks them has none."""
    if traces is None:
        return

    def start(**_: Any) -> None:
        provider = traces.start()
        signals.worker_process_shutdown.connect(lambda **_: provider.shutdown(), weak=False)

    signals.worker_process_init.connect(start, weak=False)


def __getattr__(name: str) -> Any:
    if name == "app":
        return _app_of_this_process()
    raise AttributeError(name)
