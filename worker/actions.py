"""Who did what to an import, and why: written down once, in the transaction that did it."""

import dataclasses
import uuid

import sqlalchemy as sa

from schemas.imports import ActionKind
from schemas.tables import import_actions

ACTOR_MAX_LENGTH = 200
REASON_MAX_LENGTH = 1_000


@dataclasses.dataclass(frozen=True)
class Operator:
    """Who asks for something, and why."""

    name: str
    reason: str | None = None


def record(
    connection: sa.Connection, import_id: uuid.UUID, kind: ActionKind, operator: Operator
) -> None:
    """Writes down what an operator did; to be followed by the commit of what was done."""
    connection.execute(
        sa.insert(import_actions).values(
            import_id=import_id, action=kind, actor=operator.name, reason=operator.reason
        )
    )
