"""Entries of imports that nobody has open: one that waits for another, and one that is given up.

Who writes here may not have the object's lock. A row that another worker has open is left to it.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from schemas.imports import ImportStatus, OnError
from schemas.notification import Notification
from schemas.tables import imports
from worker import ledger
from worker.errors import PermanentError


def enter_waiting(
    connection: sa.Connection, notification: Notification, reason: str, on_error: OnError
) -> None:
    """Enters an import as queued, or writes down why it is still queued. Commits.

    Leaves an import alone that has begun, or ended.
    """
    known = ledger.find(connection, notification.id)
    if known is not None and known.status is not ImportStatus.QUEUED:
        return
    error = ledger.cut(reason)
    values = ledger.opening_values(notification, None)
    values |= {"status": ImportStatus.QUEUED, "attempts": 0, "error": error, "on_error": on_error}
    import_id = known.id if known else notification.id
    connection.execute(
        insert(imports)
        .values(id=import_id, **values)
        .on_conflict_do_update(
            index_elements=["id"],
            set_={"error": error},
            where=imports.c.status == ImportStatus.QUEUED,
        )
    )
    connection.commit()


def give_up(
    connection: sa.Connection,
    notification: Notification,
    error: PermanentError,
    on_error: OnError,
    *,
    locked: bool,
) -> None:
    """Closes an import as failed, unless it is done. Commits.

    If the object is not `locked`, an entry that is open stays open: another worker has it.
    """
    known = ledger.find(connection, notification.id)
    begun = known.entry if known else None
    if (known and known.done) or (begun and not locked):
        return
    entry = begun or ledger.open_entry(
        connection,
        notification,
        None,
        import_id=known.id if known else notification.id,
        on_error=on_error,
    )
    ledger.fail(connection, entry, error, ledger.Details())
