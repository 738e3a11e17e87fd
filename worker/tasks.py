"""The one task: import the object that a message announces, and say what becomes of the message.

Done, or never to be done: the task returns, and the message is deleted. To be tried again: the
message is put off and the task raises, so that the message stays in the queue and keeps its count,
until the queue's redrive policy takes it to the dead-letter queue.
"""

import dataclasses
import functools
import os
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from celery import Celery
from marshmallow import ValidationError
from sqlalchemy.exc import StatementError

from schemas.fields import flatten_messages
from schemas.imports import ErrorCode
from schemas.notification import IMPORT_TASK, Notification, load_notification
from worker import observe
from worker.database import Database
from worker.errors import (
    FencedError,
    ObjectBusyError,
    TimedOutError,
    TransientError,
    one_line,
    places_of,
)
from worker.importing import Importer, Outcome
from worker.lease import Lease, Turn, sqs_client
from worker.objects import make_client
from worker.observe import Result
from worker.settings import SETTINGS, Settings

log = structlog.get_logger(__name__)


class UnreadableMessageError(Exception):
    """A message that announces nothing: left for the redrive policy to take away."""


@dataclasses.dataclass(frozen=True)
class ImportTask:
    """What the task needs, made in the process that runs it, at its first message."""

    settings: Settings

    def __call__(self, request: Any, notification: Any) -> str:
        """Runs one message. Raises TransientError where it is to come again."""
        announced = _load(request, notification)
        if announced.bucket not in self.settings.buckets:
            _refuse(request, "Its bucket is none of MRU_BUCKETS.", bucket=announced.bucket)
        with structlog.contextvars.bound_contextvars(
            import_id=str(announced.id),
            bucket=announced.bucket,
            key=announced.key,
            request_id=announced.request_id,
        ):
            return self._run(request, announced)

    def _run(self, request: Any, announced: Notification) -> str:
        lease = Lease.of(
            request,
            functools.partial(sqs_client, self.settings.region),
            visibility_seconds=self.settings.visibility_seconds,
        )
        last = lease.receive_count >= self.settings.max_receives
        try:
            return self._import(announced, lease, Turn(lease.lost.is_set, last=last))
        except ObjectBusyError as error:
            self._hold(lease, announced, error)
            raise
        except TimedOutError as error:
            if error.again and not last:
                return self._end(lease, announced, error)
            self._come_again(lease, announced, error, last=last)
            raise
        except TransientError as error:
            self._come_again(lease, announced, error, last=last)
            raise

    def _come_again(
        self, lease: Lease, announced: Notification, error: TransientError, *, last: bool
    ) -> None:
        if last:
            self._give_up(lease, announced, error)
        elif lease.lost.is_set():
            # Nor is the message put off: another worker may have it in hand.
            log.warning("import left to others", **_facts(lease, error))
            observe.tell(Result.LEFT)
        else:
            self._put_off(lease, announced, error)

    def _end(self, lease: Lease, announced: Notification, error: TransientError) -> str:
        """Gives an import up for which more time would be in vain. Its message is done with.

        Raises TransientError where the ledger cannot be told.
        """
        self._importer.give_up(announced, str(error))
        log.error("import given up", in_ledger=True, **_facts(lease, error))
        observe.tell_import(Outcome.FAILED, error_code=ErrorCode.GAVE_UP)
        return Outcome.FAILED.value

    def _import(self, announced: Notification, lease: Lease, turn: Turn) -> str:
        """Runs the import. Whatever goes wrong with it is a TransientError from here on."""
        try:
            with lease.heartbeat():
                outcome = self._importer.run(announced, turn)
        except TransientError:
            raise
        except SoftTimeLimitExceeded:
            raise TimedOutError(self.settings.task_seconds) from None
        except MemoryError as error:
            traceback.clear_frames(error.__traceback__)  # what they hold is what is missing
            raise TransientError("It took more memory than there is.") from None
        except Exception as error:
            # Nobody thought of this: it may be a fault of ours. What it says may hold records.
            log.error("import broke", reason=_named(error), raised=places_of(error))  # noqa: TRY400
            raise TransientError(f"It broke: {_named(error)}") from error
        if outcome is Outcome.KNOWN:
            log.info("import done already")
        if outcome not in (Outcome.SUCCEEDED, Outcome.FAILED):  # of these, more is told
            observe.tell_import(outcome)
        return outcome.value

    def _put_off(self, lease: Lease, announced: Notification, error: TransientError) -> None:
        delay = lease.postpone(self.settings.retry_seconds)
        reason = f"Put off for {delay} s: {error}"
        mine = not isinstance(error, FencedError)  # else the entry is another worker's
        told = mine and _succeeds(lambda: self._importer.put_off(announced, reason))
        log.warning("import put off", seconds=delay, in_ledger=told, **_facts(lease, error))
        observe.tell(Result.PUT_OFF)

    def _hold(self, lease: Lease, announced: Notification, error: ObjectBusyError) -> None:
        """Has this worker try the message again in a moment. SQS counts nothing meanwhile."""
        if lease.renew():
            error.hidden_until = lease.hidden_until
        if lease.busy_tries == 0:  # most often the other import ends in a moment, and is this one
            log.info("import waits for another of its object", **_facts(lease, error))
            return
        told = _succeeds(lambda: self._importer.enter_waiting(announced, str(error)))
        log.warning(
            "import still waits for another of its object",
            tries=lease.busy_tries,
            in_ledger=told,
            **_facts(lease, error),
        )

    def _give_up(self, lease: Lease, announced: Notification, error: TransientError) -> None:
        told = _succeeds(lambda: self._importer.give_up(announced, str(error)))
        log.error("import given up", in_ledger=told, **_facts(lease, error))
        observe.tell_given_up()
        lease.extend(0)  # the queue has it for the last time, and moves it when it is asked next

    @property
    def _importer(self) -> Importer:
        return _importer(os.getpid(), self.settings)


def _named(error: Exception) -> str:
    # SQLAlchemy's own errors only wrap the driver's, whose name says more.
    cause = error.orig if isinstance(error, StatementError) and error.orig else error
    return f"{type(cause).__name__}: {one_line(error)}"


def _facts(lease: Lease, error: TransientError) -> dict[str, Any]:
    return {"reason": str(error), "receives": lease.receive_count}


def _succeeds(tell: Callable[[], object]) -> bool:
    """Tells the ledger something. False where it could not be told, or has no place for it."""
    try:
        return tell() is not False
    except TransientError:
        return False


def register(app: Celery) -> None:
    """Gives the app its task, which looks into the app's configuration when it is run."""

    # Any arguments, for a message with wrong ones is to be told apart from a fault of ours.
    def import_object(self: Any, *args: Any, notification: Any = None, **others: Any) -> str:
        sent = None if args or others else notification
        return ImportTask(self.app.conf[SETTINGS])(self.request, sent)

    # What time can mend is expected: a line for each, and no traceback.
    expected = (TransientError, UnreadableMessageError)
    # Not shared: every other app of this process would have it too, and has no such settings.
    app.task(name=IMPORT_TASK, bind=True, throws=expected, shared=False)(import_object)


def _load(request: Any, notification: Any) -> Notification:
    try:
        return load_notification(notification)
    except ValidationError as error:
        faults = [f"{field or 'notification'}: {text}" for field, text in flatten_messages(error)]
        _refuse(request, "; ".join(faults))


def _refuse(request: Any, reason: str, **facts: str) -> NoReturn:
    """Leaves a message to the redrive policy. Nothing is written to the ledger about it."""
    log.error("a message announces nothing", task_id=request.id, reason=reason, **facts)
    observe.tell(Result.REFUSED)
    raise UnreadableMessageError(reason) from None


@functools.cache
def _importer(_process: int, settings: Settings) -> Importer:
    """Returns this process' importer: no connection may be shared across a fork."""
    s3 = make_client(settings.region, settings.bucket_owner)
    return Importer(Database.at(settings.database), s3, settings)
