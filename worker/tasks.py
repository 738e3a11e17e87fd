"""The one task: import the object that a message announces, and say what becomes of the message.

Done, or never to be done: the task returns, and the message is deleted. To be tried again: the
message is put off and the task raises, so that the message stays in the queue and keeps its count,
until the queue's redrive policy takes it to the dead-letter queue.
"""

import dataclasses
import functools
import os
from typing import Any, Final

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from celery import Celery
from marshmallow import ValidationError

from schemas.fields import flatten_messages
from schemas.notification import IMPORT_TASK, Notification, load_notification
from worker.database import Database
from worker.errors import ObjectBusyError, TransientError
from worker.importing import Importer
from worker.lease import Lease, sqs_client
from worker.objects import make_client
from worker.settings import Settings

_BUSY_SECONDS: Final = 5

log = structlog.get_logger(__name__)


class UnreadableMessageError(Exception):
    """A message that announces nothing: left for the redrive policy to take away."""


@dataclasses.dataclass(frozen=True)
class ImportTask:
    """What the task needs, made in the process that runs it, at its first message."""

    settings: Settings

    def __call__(self, request: Any, notification: Any) -> str:
        """Runs one message. Raises TransientError where it is to come again."""
        announced = _load(notification)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            import_id=str(announced.id),
            bucket=announced.bucket,
            key=announced.key,
            request_id=announced.request_id,
        )
        lease = Lease.of(
            request,
            functools.partial(sqs_client, self.settings.region),
            visibility_seconds=self.settings.visibility_seconds,
        )
        try:
            with lease.heartbeat():
                return _importer(os.getpid(), self.settings).run(announced).value
        except SoftTimeLimitExceeded:
            error = TransientError(f"It took longer than {self.settings.task_seconds} seconds.")
            self._try_again(lease, announced, error)
            raise error from None
        except TransientError as error:
            self._try_again(lease, announced, error)
            raise

    def _try_again(self, lease: Lease, announced: Notification, error: TransientError) -> None:
        if lease.receive_count >= self.settings.max_receives:
            log.error("import given up", reason=str(error), receives=lease.receive_count)
            _importer(os.getpid(), self.settings).give_up(announced, str(error))
            return
        busy = isinstance(error, ObjectBusyError)
        delay = lease.postpone(_BUSY_SECONDS if busy else self.settings.retry_seconds)
        log.warning(
            "import put off", reason=str(error), seconds=delay, receives=lease.receive_count
        )


def register(app: Celery, settings: Settings) -> None:
    """Gives the app its task."""
    run = ImportTask(settings)

    def import_object(self: Any, notification: Any) -> str:
        return run(self.request, notification)

    # What time can mend is expected: a line for each, and no traceback.
    expected = (TransientError, UnreadableMessageError)
    app.task(name=IMPORT_TASK, bind=True, throws=expected)(import_object)


def _load(notification: Any) -> Notification:
    try:
        return load_notification(notification)
    except ValidationError as error:
        faults = "; ".join(f"{field}: {message}" for field, message in flatten_messages(error))
        raise UnreadableMessageError(faults) from error


@functools.cache
def _importer(_process: int, settings: Settings) -> Importer:
    """Returns this process' importer: no connection may be shared across a fork."""
    return Importer(Database.at(settings.database), make_client(settings.region), settings)
