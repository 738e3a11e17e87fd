"""How gunicorn runs the API, as `python -m api` starts it.

Workers are forked before the application is made (there is no preload), so that each opens its own
connections. This file and api/wsgi.py are the only ones that read the process's environment.
"""

import os
from typing import Any, Final

import gunicorn.http.wsgi
import gunicorn.util
from gunicorn.glogging import Logger

from api.database_watch import WATCH, Reached
from api.metrics import Metrics, free_place
from api.serving.process import Process
from api.serving.rejection import write_problem
from api.settings import SEARCHING, TRACED, Settings
from schemas.logs import configure_logs
from schemas.metrics import Bind
from schemas.settings import Environment, LogFormat, SettingError, exit_naming
from schemas.traces import Traces

_SERVER: Final = "movies-r-us"  # which software serves is nobody's business
_RUN_BY_GUNICORN: Final = "__config__"  # its name for this file; tests import it by another

_environment: Final = Environment(os.environ)

# In a container they are those of the whole machine, hence a bound.
_cores: Final = max(2, min(8, os.cpu_count() or 2))

try:
    bind = _environment.text("MRU_API_BIND", "0.0.0.0:8080")
    workers = _environment.integer("WEB_CONCURRENCY", _cores, minimum=1, maximum=64)
    if __name__ == _RUN_BY_GUNICORN:
        # Before any process is forked: each would end with a traceback of its own.
        _nobody_sees_imports = Settings.read(_environment).nobody_sees_imports
        Bind.read(_environment)
        Traces.load(_environment, "api", TRACED)
except SettingError as error:
    exit_naming(error)
worker_class = Process
threads = SEARCHING  # those for searches; api/serving/process.py has them all
# Each is a descriptor, of which a process may have a thousand where nobody allows more.
worker_connections = 400
preload_app = False

timeout = 30  # of a worker's heartbeat, not of a request: api/serving bounds those
graceful_timeout = 25  # less than the 30 seconds that Kubernetes gives
keepalive = 65  # more than the 60 seconds after which a load balancer gives up an idle connection
max_requests = 200_000  # whatever leaks, leaks no further; not all workers at once
max_requests_jitter = 50_000

limit_request_line = 8190  # the longest title, percent-encoded, fits
accesslog = None  # the application logs its own requests
control_socket_disable = True
# Heartbeats touch a file: on a disk they may block, and a container's own may be read-only.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  as above


class StructuredLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's own lines, written as all the others are."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        readable = _environment.choice("MRU_LOGS", LogFormat.JSON) is LogFormat.TEXT
        configure_logs("api", readable=readable)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logger_class = StructuredLogger


def on_starting(server: Any) -> None:
    """Makes what the processes share, before the first of them is forked."""
    server.reached = Reached()
    try:
        server.metrics = Metrics.open(_environment)
    except SettingError as error:
        exit_naming(error)
    if _nobody_sees_imports:
        server.log.warning(
            "Nobody can see imports: MRU_IMPORTS_VISIBILITY is operators, and MRU_OPERATOR_TOKEN "
            "is not set."
        )


def pre_fork(server: Any, worker: Any) -> None:
    """Gives a process a place that none of those alive has."""
    worker.metrics_place = free_place(other.metrics_place for other in server.WORKERS.values())


def post_fork(server: Any, worker: Any) -> None:
    """Lets a process count, before it imports the application."""
    worker.reached, worker.metrics = server.reached, server.metrics
    if server.metrics is not None:
        server.metrics.count(worker.metrics_place)


def on_exit(server: Any) -> None:
    """Leaves no folder behind."""
    if server.metrics is not None:
        server.metrics.close()


def post_worker_init(worker: Any) -> None:
    """Makes what gunicorn itself refuses (bad HTTP, too long a line) a problem document as well.

    The application is loaded now, so the process also answers on the port of the metrics.
    """
    gunicorn.util.write_error = write_problem
    gunicorn.http.wsgi.SERVER = _SERVER
    watch = worker.wsgi.extensions.get(WATCH)  # the benchmark's application has none
    if watch is not None:
        watch.reached = worker.reached
        if worker.metrics is not None:
            worker.metrics.serve(watch)
