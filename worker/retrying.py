"""Imports that an operator asks for again: back to the beginning in the ledger, and announced anew.

Both happen while the object's lock is held, so that no worker sees the one without the other. Sent
first and committed then: cut off in between, the message finds an import that has ended, and does
nothing; nobody waits for a message that was never sent.
"""

import dataclasses
import uuid
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from schemas.imports import ActionKind, ImportStatus, OnError
from schemas.notification import Notification
from schemas.tables import import_errors, imports
from worker import actions, locks
from worker.actions import Operator
from worker.errors import ObjectBusyError

_WAIT_SECONDS: Final = 1
# What was undone comes back when it is asked for by name, not because its message turns up.
_TO_BE_RETRIED: Final = {
    ActionKind.RETRY: (ImportStatus.FAILED, ImportStatus.UNDONE),
    ActionKind.REDRIVE: (ImportStatus.FAILED,),
}
_COUNTS: Final = ("read", "inserted", "updated", "unchanged", "stale", "repeated", "rejected")
_PROGRESS: Final = ("bad_records", "records_so_far", "bytes_so_far")

Send = Callable[[Notification], None]


class Answer(StrEnum):
    """What became of a wish to import something again. Only the first two have sent anything."""

    QUEUED = "queued"
    ANNOUNCED_AGAIN = "announced again"  # the ledger was left as it is
    QUEUED_ALREADY = "queued already"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    SUPERSEDED = "superseded"
    UNDONE = "undone"
    BUSY = "busy"  # another version of the object is being imported


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """What an operator asks for.

    `on_error` is None where the policy is to stay. `again`: also announce what is queued, or
    running in no worker's hands, because its message may be lost.
    """

    operator: Operator
    kind: ActionKind = ActionKind.RETRY
    on_error: OnError | None = None
    again: bool = False


def retry(connection: sa.Connection, import_id: uuid.UUID, wish: Wish, send: Send) -> Answer:
    """Queues an import again if it failed or was undone, and says what it did. Commits.

    Whoever asks for it at the same moment finds it queued. What `send` raises leaves it as it was.
    """
    place = connection.execute(_place(import_id)).one()
    connection.rollback()
    try:
        with locks.object_locked(connection, place.bucket, place.key, wait_seconds=_WAIT_SECONDS):
            return _retry_locked(connection, import_id, wish, send)
    except ObjectBusyError:
        status = ImportStatus(connection.execute(_place(import_id)).one().status)
        connection.rollback()
        return Answer.BUSY if status in _TO_BE_RETRIED[wish.kind] else _left(status)


def _place(import_id: uuid.UUID) -> sa.Select[Any]:
    return sa.select(imports.c.bucket, imports.c.key, imports.c.status).where(
        imports.c.id == import_id
    )


def _retry_locked(
    connection: sa.Connection, import_id: uuid.UUID, wish: Wish, send: Send
) -> Answer:
    row = connection.execute(sa.select(imports).where(imports.c.id == import_id)).one()
    status = ImportStatus(row.status)
    if status in _TO_BE_RETRIED[wish.kind]:
        _begin_again(connection, import_id, wish)
        answer = Answer.QUEUED
    elif wish.again and status in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        answer = Answer.ANNOUNCED_AGAIN
    else:
        return _left(status)
    actions.record(connection, import_id, wish.kind, wish.operator)
    send(_notification(row))
    connection.commit()
    return answer


def _left(status: ImportStatus) -> Answer:
    return Answer.QUEUED_ALREADY if status is ImportStatus.QUEUED else Answer(status.value)


def _begin_again(connection: sa.Connection, import_id: uuid.UUID, wish: Wish) -> None:
    """Forgets how the import ended, so that whatever comes next is accounted for by itself."""
    connection.execute(sa.delete(import_errors).where(import_errors.c.import_id == import_id))
    values: dict[str, Any] = dict.fromkeys(_COUNTS + _PROGRESS, 0)
    values |= {
        "status": ImportStatus.QUEUED,
        "error_code": None,
        "error": None,
        "ignored_fields": {},
        "timings": {},
        "retried_by": wish.operator.name,
        "retry_reason": wish.operator.reason,
        "started_at": sa.func.clock_timestamp(),
        "finished_at": None,
    }
    if wish.on_error is not None:
        values["on_error"] = wish.on_error
    connection.execute(sa.update(imports).where(imports.c.id == import_id).values(**values))


def _notification(row: sa.Row[Any]) -> Notification:
    """The announcement as it was made, or more exact: pinned to what S3 said the object is."""
    return Notification(
        id=row.id,
        bucket=row.bucket,
        key=row.key,
        version_id=row.version_id or None,
        etag=row.etag,
        size=row.size,
        sequencer=row.sequencer or None,
        event_time=row.event_time,
        request_id=row.request_id,
    )
