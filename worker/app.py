"""The Celery app, as `celery -A worker.app worker` finds it.

Importing this module reads and opens nothing: `app` is made when it is first asked for, and reads
its settings when Celery does.
"""

import functools
import gc
import logging
import os
from typing import Any, Final

from billiard.util import get_logger as get_pool_logger
from celery import Celery, signals

from schemas.logs import configure_logs
from schemas.settings import Environment, LogFormat, SettingError
from schemas.traces import Traces
from worker import tasks
from worker.celery_settings import celery_settings
from worker.consumer import end_terminated_process, end_while_starting
from worker.errors import UnusableSettingError
from worker.metrics import add_metrics
from worker.outage import add_outage
from worker.settings import SETTINGS, Settings

_HARD_LIMIT_AFTER_SECONDS: Final = 30  # for writing down what happened
_NEW_VALUES: Final = 100_000  # by default 700 make the collector look
_TRACES: Final = "mru_traces"  # where they stand in the configuration


def create_app(environment: Environment) -> Celery:
    """Makes a Celery app that imports what its queue announces.

    Its configuration is read when it is first asked for. Workers do so at once; some of the
    operators' commands never do, and need few of the settings.
    """
    app = Celery("movies-r-us")
    app.add_defaults(lambda: _configure(environment))
    app.mru_environment = environment  # for the commands, which are given the app alone
    tasks.register(app)
    add_metrics(app)
    add_outage(app)
    return app


def _configure(environment: Environment) -> dict[str, Any]:
    """Returns what the app is told, and prepares the traces of its processes.

    Raises UnusableSettingError.
    """
    try:
        settings = Settings.read(environment)
        traces = Traces.load(environment, "worker", ("celery", "botocore", "psycopg2"))
    except SettingError as error:
        raise UnusableSettingError(str(error)) from error
    configuration = celery_settings(
        settings.queue_url,
        settings.region,
        soft_limit_seconds=settings.task_seconds,
        hard_limit_seconds=settings.task_seconds + _HARD_LIMIT_AFTER_SECONDS,
        visibility_seconds=settings.visibility_seconds,
        concurrency=settings.concurrency,
        wait_time_seconds=settings.wait_time_seconds,
        heartbeat_file=settings.heartbeat_file,
    )
    _trace_children(traces)
    _heed_signals()
    signals.worker_process_init.connect(collect_garbage_less, weak=False)
    return configuration | {SETTINGS: settings, _TRACES: traces}


@functools.cache
def _app_of_this_process() -> Celery:
    app = create_app(Environment(os.environ))

    def configure_logging(**_: Any) -> None:
        readable = app.conf[SETTINGS].log_format is LogFormat.TEXT
        configure_logs("worker", readable=readable, traces=app.conf[_TRACES])
        pool = get_pool_logger()
        pool.propagate = True  # that a process was killed; without this it goes past our format
        pool.setLevel(logging.WARNING)

    # Whoever listens to this signal keeps Celery from setting levels and formats of its own.
    signals.setup_logging.connect(configure_logging, weak=False)
    return app


def _trace_children(traces: Traces | None) -> None:
    """Has each process that imports send its traces; the one that forks them has none."""
    if traces is None:
        return

    def start(**_: Any) -> None:
        provider = traces.start()
        signals.worker_process_shutdown.connect(lambda **_: provider.shutdown(), weak=False)

    signals.worker_process_init.connect(start, weak=False)


def collect_garbage_less(**_: Any) -> None:
    """Has the collector look at what a process keeps less often: records have no cycles.

    By its usual measure it would look again and again at each of the many small values of a record
    while that is being parsed, which takes three times as long as the parsing.
    """
    gc.freeze()
    gc.set_threshold(_NEW_VALUES)


def _heed_signals() -> None:
    """Lets SIGTERM end a worker at once that has no task in hand."""
    shutting_down = signals.worker_shutting_down
    shutting_down.connect(end_while_starting, weak=False)

    def be_ready(**_: Any) -> None:
        shutting_down.disconnect(end_while_starting)

    def start(**_: Any) -> None:
        # Connected in the process itself, and so after what sends its last traces.
        signals.worker_process_shutdown.connect(end_terminated_process, weak=False)

    signals.worker_ready.connect(be_ready, weak=False)
    signals.worker_process_init.connect(start, weak=False)


def __getattr__(name: str) -> Any:
    if name == "app":
        return _app_of_this_process()
    raise AttributeError(name)
