"""Outages of what every import needs: while there is one, the worker receives no messages.

SQS counts each receipt, and moves a message to the dead-letter queue after too many. A message that
is received during an outage can only fail. So the worker's main process asks each service before
the first message and after each failure that the service may have caused, and receives nothing
until it has answered. What is not received is not counted.
"""

# celery has few types: to mypy its classes are Any.
# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False

import functools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from celery import Celery, bootsteps

from worker.errors import DatabaseError, S3Error, ServiceError
from worker.forking import Gate
from worker.services import check_database, check_s3
from worker.settings import SETTINGS, Settings

_PAUSE_SECONDS: Final = 0.5  # after the first failed check; twice as long after each further one
_MAX_PAUSE_SECONDS: Final = 5

log = structlog.get_logger(__name__)

Check = Callable[[], None]


class Watch:
    """Which services are in doubt. A thread asks these, one after the other, until none is.

    `checks` are by the services' names; each returns, or raises ServiceError within seconds.
    """

    def __init__(self, checks: Mapping[str, Check], *, gate: Gate | None = None) -> None:
        self._checks = checks
        self._gate = gate or Gate()
        self._lock = threading.Lock()
        self._doubted: set[str] = set()

    @property
    def is_calm(self) -> bool:
        """Whether no service is in doubt."""
        return not self._doubted

    def doubt(self, *services: str) -> None:
        """Has services checked, from now on and until they answer."""
        with self._lock:
            is_checking = bool(self._doubted)
            self._doubted.update(self._checks.keys() & services)
            if self._doubted and not is_checking:
                threading.Thread(target=self._check_all, name="outage", daemon=True).start()

    def _check_all(self) -> None:
        while True:
            with self._lock:
                service = min(self._doubted, default=None)
            if service is None:
                return
            self._wait_for(service)
            with self._lock:
                self._doubted.discard(service)

    def _wait_for(self, service: str) -> None:
        began, pause = time.monotonic(), _PAUSE_SECONDS
        while (reason := self._ask(service)) is not None:
            if pause == _PAUSE_SECONDS:
                log.error("receiving is paused", service=service, reason=reason)
            time.sleep(pause)
            pause = min(_MAX_PAUSE_SECONDS, 2 * pause)
        if pause != _PAUSE_SECONDS:
            log.info("receiving goes on", service=service, seconds=round(time.monotonic() - began))

    def _ask(self, service: str) -> str | None:
        """Returns why a service does not serve, or None."""
        try:
            with self._gate.asking():
                self._checks[service]()
        except ServiceError as error:
            return str(error)
        except Exception as error:
            log.exception("a check broke", service=service)
            return repr(error)
        return None


_watches: Final[list[Watch]] = []  # none, or the one of this process


def note(error: BaseException) -> None:
    """Has the service checked that may have caused a failure, if it is of that kind."""
    if isinstance(error, ServiceError):
        for watch in _watches:
            watch.doubt(error.service)


def may_receive() -> bool:
    """Whether messages may be received: nothing that imports need is in doubt."""
    return all(watch.is_calm for watch in _watches)


class OutageStep(bootsteps.StartStopStep):
    """Watches for outages from the moment that the first children are forked."""

    requires = ("celery.worker.components:Pool",)

    def create(self, worker: Any) -> None:
        """Has the worker's settings ready."""
        self._settings: Settings = worker.app.conf[SETTINGS]

    def start(self, worker: Any) -> None:  # noqa: ARG002  Celery's signature
        """Checks both services once: a worker that starts during an outage takes no message."""
        settings = self._settings
        watch = Watch(
            {
                DatabaseError.service: functools.partial(check_database, settings.database),
                S3Error.service: functools.partial(check_s3, settings.region, settings.buckets[0]),
            }
        )
        _watches[:] = [watch]
        watch.doubt(DatabaseError.service, S3Error.service)

    def stop(self, worker: Any) -> None:
        """Does nothing: the thread ends with the process."""


def add_outage(app: Celery) -> None:
    """Makes the workers of an app receive nothing during an outage."""
    app.steps["worker"].add(OutageStep)
