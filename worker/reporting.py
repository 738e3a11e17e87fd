"""What operators ask the ledger: every SELECT behind the commands. Nothing is written here."""

import dataclasses
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from schemas.imports import ErrorCode, ImportSchema, ImportStatus, action_of, import_of
from schemas.tables import import_actions, import_aliases, import_errors, imports
from worker.errors import WorkerError

UNDER_WAY: Final = (ImportStatus.QUEUED, ImportStatus.RUNNING)

Row = dict[str, Any]  # an import by the names of ImportSchema, and its `request_id`

_COLUMNS: Final = (*(imports.c[name] for name in ImportSchema().fields), imports.c.request_id)
_SEEN: Final = 6  # candidates that are named where a prefix fits several
_PLACE: Final = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)
_PREFIX: Final = re.compile(r"[0-9a-f]{4,32}")

_LAST_HOUR: Final = sa.text("""
SELECT status, count(*) AS imports, coalesce(sum(inserted), 0) AS inserted,
    coalesce(sum(updated), 0) AS updated, coalesce(sum(rejected), 0) AS rejected
FROM imports
WHERE finished_at > now() - interval '1 hour' AND started_at > now() - interval '13 hours'
GROUP BY status ORDER BY status
""")


class UnknownImportError(WorkerError):
    """The ledger has no such import, or more than one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter:
    """Which imports are meant: all that fit everything that is not left out.

    `key` is a pattern in which `*` stands for anything and `?` for one character.
    """

    statuses: tuple[ImportStatus, ...] = ()
    key: str | None = None
    since: datetime | None = None
    error_code: ErrorCode | None = None


@dataclasses.dataclass(frozen=True)
class Overview:
    """The ledger at one moment. `running` rows also have `seconds`, since they were begun."""

    queued: int
    oldest_queued: Row | None
    running: list[Row]
    last_hour: list[Mapping[str, Any]]


def is_reference(text: str) -> bool:
    """Whether a text can name an import: its id, the beginning of that, or s3://bucket/key."""
    return bool(_PLACE.fullmatch(text) or _PREFIX.fullmatch(_digits(text)))


def _digits(text: str) -> str:
    return text.lower().replace("-", "")


def find(connection: sa.Connection, reference: str) -> Row:
    """Returns the import that a reference names. Raises UnknownImportError.

    Of a bucket and a key it is the newest. Where an id begins like the ids of several, none is.
    """
    place = _PLACE.fullmatch(reference)
    if place:
        newest = (imports.c.first_seen_at.desc(), imports.c.id.desc())
        condition = sa.and_(imports.c.bucket == place["bucket"], imports.c.key == place["key"])
        found = _select(connection, condition, *newest, limit=1)
        if not found:
            raise UnknownImportError(
                f"No import of {reference} is known. It may wait in the queue (imports status), a"
                " rule may ignore it (imports rules), or its event was lost (imports backfill)."
            )
        return found[0]
    ids = _ids_like(connection, _digits(reference))
    if len(ids) > 1:
        raise UnknownImportError(
            f"{reference} is the beginning of several ids: {', '.join(map(str, ids))}."
        )
    if not ids:
        raise UnknownImportError(f"No import with the id {reference} is known.")
    return get(connection, ids[0])


def get(connection: sa.Connection, import_id: uuid.UUID) -> Row:
    """Returns an import by its own id. Raises UnknownImportError."""
    found = _select(connection, imports.c.id == import_id)
    if not found:
        raise UnknownImportError(f"No import with the id {import_id} is known.")
    return found[0]


def get_announced(connection: sa.Connection, ids: list[uuid.UUID]) -> dict[uuid.UUID, Row]:
    """Returns those imports that the ledger knows, by the ids that they were announced under."""
    if not ids:
        return {}
    aliases = sa.select(import_aliases).where(import_aliases.c.id.in_(ids))
    meant = {made: made for made in ids}
    meant |= {row.id: row.import_id for row in connection.execute(aliases)}
    found = {row["id"]: row for row in _select(connection, imports.c.id.in_(meant.values()))}
    return {made: found[own] for made, own in meant.items() if own in found}


def _ids_like(connection: sa.Connection, digits: str) -> list[uuid.UUID]:
    first, last = (uuid.UUID(hex=digits.ljust(32, end)) for end in "0f")
    own = sa.select(imports.c.id).where(imports.c.id.between(first, last)).limit(_SEEN)
    others = sa.select(import_aliases.c.import_id).where(import_aliases.c.id.between(first, last))
    both = sa.union(own, others.limit(_SEEN)).limit(_SEEN)
    return list(connection.execute(both).scalars())


def list_imports(connection: sa.Connection, wanted: Filter, *, limit: int | None) -> list[Row]:
    """Returns the imports that fit, those that were begun last first."""
    conditions: list[sa.ColumnElement[bool]] = [sa.true()]
    if wanted.statuses:
        conditions.append(imports.c.status.in_(wanted.statuses))
    if wanted.key is not None:
        conditions.append(imports.c.key.like(_like(wanted.key), escape="\\"))
    if wanted.since is not None:
        conditions.append(imports.c.started_at >= wanted.since)
    if wanted.error_code is not None:
        conditions.append(imports.c.error_code == wanted.error_code)
    newest = (imports.c.started_at.desc(), imports.c.id.desc())
    return _select(connection, sa.and_(*conditions), *newest, limit=limit)


def _like(pattern: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%").replace("?", "_")


def list_under_way(connection: sa.Connection, also: list[uuid.UUID]) -> list[Row]:
    """Returns what is queued or running, and those imports too, whatever became of them."""
    condition = imports.c.status.in_(UNDER_WAY)
    rows = _select(connection, condition, imports.c.started_at)
    shown = {row["id"] for row in rows}
    missing = [made for made in also if made not in shown]
    return rows + (_select(connection, imports.c.id.in_(missing)) if missing else [])


def list_bad_records(connection: sa.Connection, import_id: uuid.UUID) -> list[Row]:
    """Returns the bad records of an import that were kept, in the file's order."""
    columns = (import_errors.c.position, import_errors.c.faults, import_errors.c.raw)
    statement = sa.select(*columns).where(import_errors.c.import_id == import_id)
    rows = connection.execute(statement.order_by(import_errors.c.position))
    return [dict(row) for row in rows.mappings()]


def list_actions(connection: sa.Connection, import_id: uuid.UUID) -> list[Row]:
    """Returns what operators did to an import, the first first."""
    statement = sa.select(import_actions).where(import_actions.c.import_id == import_id)
    rows = connection.execute(statement.order_by(import_actions.c.id)).mappings()
    return [action_of(row) for row in rows]


def look_over(connection: sa.Connection) -> Overview:
    """Returns what the ledger says of now and of the last hour."""
    queued = imports.c.status == ImportStatus.QUEUED
    count = connection.execute(sa.select(sa.func.count()).where(queued)).scalar_one()
    oldest = _select(connection, queued, imports.c.started_at, limit=1)
    elapsed = sa.func.extract("epoch", sa.func.clock_timestamp() - imports.c.started_at)
    seconds = sa.cast(elapsed, sa.Float).label("seconds")
    running = imports.c.status == ImportStatus.RUNNING
    return Overview(
        queued=count,
        oldest_queued=oldest[0] if oldest else None,
        running=_select(connection, running, imports.c.started_at, more=(seconds,)),
        last_hour=[dict(row) for row in connection.execute(_LAST_HOUR).mappings()],
    )


def _select(
    connection: sa.Connection,
    condition: sa.ColumnElement[bool],
    *order: Any,
    limit: int | None = None,
    more: tuple[sa.Label[Any], ...] = (),
) -> list[Row]:
    statement = sa.select(*_COLUMNS, *more).where(condition).order_by(*order).limit(limit)
    return [import_of(row) for row in connection.execute(statement).mappings()]
