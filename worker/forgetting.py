"""Deleting the invalid records that are kept of an import: a wrong file may hold personal data."""

import sqlalchemy as sa

from schemas.imports import ActionKind
from schemas.tables import import_errors
from worker import actions, locks, reporting
from worker.actions import Operator
from worker.errors import WorkerError


class UnderWayError(WorkerError):
    """The import has not ended: it would write down its invalid records after these are deleted."""


def count(connection: sa.Connection, found: reporting.Row) -> int:
    """Returns how many invalid records of an import are kept. Raises UnderWayError."""
    if found["status"] in reporting.UNDER_WAY:
        raise UnderWayError(f"The import is {found['status']}. Try again when it has ended.")
    mine = import_errors.c.import_id == found["id"]
    counted = sa.select(sa.func.count()).select_from(import_errors).where(mine)
    return int(connection.execute(counted).scalar_one())


def forget(connection: sa.Connection, found: reporting.Row, operator: Operator) -> int:
    """Deletes the invalid records of an import, and returns how many they were. Commits.

    What is counted of them in the ledger stays. Raises UnderWayError, and TransientError where
    another import of the same object is under way.
    """
    with locks.object_locked(connection, found["bucket"], found["key"]):
        count(connection, reporting.get(connection, found["id"]))
        mine = import_errors.c.import_id == found["id"]
        deleted = connection.execute(sa.delete(import_errors).where(mine)).rowcount
        if deleted:
            actions.record(connection, found["id"], ActionKind.FORGET_ERRORS, operator)
        connection.commit()
    return deleted
