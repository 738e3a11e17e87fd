"""The ledger: what became of each object version that was announced. Writes `imports` and its two
companions, `import_errors` and `import_aliases`.

An entry is opened in a transaction of its own, so that everybody sees it running; it is closed in
the transaction that writes the movies. `attempts` is the fencing token between the two: whoever
opens an entry again takes it away from the one before.
"""

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from schemas.imports import ErrorCode, ImportStatus, OnError
from schemas.notification import Notification, padded_sequencer
from schemas.tables import import_aliases, import_errors, imports
from worker.errors import TOOK_LONGER, FencedError, PermanentError
from worker.objects import ObjectVersion
from worker.validate import BadRecord

_MESSAGE_MAX_CHARACTERS: Final = 1_000
_TO_BE_DONE: Final = (ImportStatus.QUEUED, ImportStatus.RUNNING)

_CLEAR_OLDER_FAILURES: Final = sa.text("""
UPDATE imports SET status = 'superseded'
FROM imports AS mine
WHERE mine.id = :id
    AND (imports.bucket, imports.key, imports.status) = (mine.bucket, mine.key, 'failed')
    AND coalesce(imports.last_modified, imports.first_seen_at)
        <= greatest(mine.last_modified, mine.first_seen_at)
""")


@dataclasses.dataclass(frozen=True)
class Entry:
    """An import that is in this worker's hands. `attempt` counts from 1."""

    id: uuid.UUID
    attempt: int
    on_error: OnError


@dataclasses.dataclass(frozen=True)
class Known:
    """What the ledger has on an import already."""

    id: uuid.UUID
    status: ImportStatus
    attempts: int
    on_error: OnError
    error: str | None

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do, unless an operator asks again."""
        return self.status not in _TO_BE_DONE

    @property
    def entry(self) -> Entry | None:
        """The entry as it was opened last, by whomever, or None where it is not open."""
        running = self.status is ImportStatus.RUNNING
        return Entry(self.id, self.attempts, self.on_error) if running else None

    @property
    def timed_out(self) -> bool:
        """Whether its last attempt took longer than it may, and was put off for that."""
        return TOOK_LONGER in (self.error or "")

    @property
    def broken_off(self) -> bool:
        """Whether its last attempt ended without a word, as it does when the process is killed.

        Only true to who holds the lock of the object: to others it may be under way.
        """
        return self.status is ImportStatus.RUNNING and self.error is None


@dataclasses.dataclass(frozen=True)
class Details:
    """What is known of a file when its import ends, well or not."""

    read: int = 0
    bad: int = 0
    bad_records: tuple[BadRecord, ...] = ()
    ignored_fields: Mapping[str, int] = dataclasses.field(default_factory=dict)
    bytes_read: int = 0
    timings: Mapping[str, float] = dataclasses.field(default_factory=dict)


def find(connection: sa.Connection, import_id: uuid.UUID) -> Known | None:
    """Returns the import that an id stands for, be it its own id or an alias."""
    alias = sa.select(import_aliases.c.import_id).where(import_aliases.c.id == import_id)
    # One id to look up, whichever it is: `id = … OR id IN (…)` would read the whole ledger.
    meant = sa.func.coalesce(alias.scalar_subquery(), sa.literal(import_id))
    return _known(connection, imports.c.id == meant)


def find_version(connection: sa.Connection, version: ObjectVersion) -> Known | None:
    """Returns the import of an object version, under whatever id it was announced first."""
    return _known(connection, _is_version(version))


def _is_version(version: ObjectVersion) -> sa.ColumnElement[bool]:
    return sa.and_(
        imports.c.bucket == version.bucket,
        imports.c.key == version.key,
        imports.c.version_id == version.version_id,
        imports.c.etag == version.etag,
        imports.c.last_modified == version.last_modified,
    )


def _known(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Known | None:
    columns = (imports.c.id, imports.c.status, imports.c.attempts, imports.c.on_error)
    statement = sa.select(*columns, imports.c.error).where(condition)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    status, on_error = ImportStatus(row.status), OnError(row.on_error)
    return Known(row.id, status, row.attempts, on_error, row.error)


def add_alias(connection: sa.Connection, alias: uuid.UUID, import_id: uuid.UUID) -> None:
    """Remembers that an announcement meant an import that was announced before."""
    if alias != import_id:
        statement = insert(import_aliases).values(id=alias, import_id=import_id)
        connection.execute(statement.on_conflict_do_nothing())


def open_entry(
    connection: sa.Connection,
    notification: Notification,
    version: ObjectVersion | None,
    *,
    import_id: uuid.UUID,
    on_error: OnError,
) -> Entry:
    """Opens an import, or opens it again, and commits, so that it shows as running.

    `version` is None where S3 did not say what the object is; `on_error` is for a new entry.
    Raises FencedError where the import has ended meanwhile.
    """
    values = opening_values(notification, version)
    # What S3 once said of the object stays, where it now says nothing.
    news = values if version else {"status": values["status"]}
    again = {
        **news,
        "attempts": imports.c.attempts + 1,
        "started_at": sa.func.clock_timestamp(),
        "records_so_far": 0,
        "bytes_so_far": 0,
        "finished_at": None,
        "error_code": None,
        "error": None,
    }
    statement = (
        insert(imports)
        .values(id=import_id, on_error=on_error, **values)
        .on_conflict_do_update(
            index_elements=["id"], set_=again, where=imports.c.status.in_(_TO_BE_DONE)
        )
        # The commit need not reach the disk before work begins: the one that counts comes later,
        # and takes this one along.
        .returning(
            imports.c.attempts,
            imports.c.on_error,
            sa.func.set_config("synchronous_commit", "off", sa.true()),
        )
    )
    opened = connection.execute(statement).one_or_none()
    connection.commit()
    if opened is None:  # by a commit that was under way when its worker was lost
        raise FencedError("Another worker has just finished this import.")
    return Entry(import_id, opened.attempts, OnError(opened.on_error))


def opening_values(notification: Notification, version: ObjectVersion | None) -> dict[str, Any]:
    """Returns an entry's columns as far as notification and version know them; it is running."""
    return {
        "bucket": notification.bucket,
        "key": notification.key,
        "version_id": (version.version_id if version else notification.version_id) or "",
        "etag": version.etag if version else notification.etag,
        "size": version.size if version else notification.size,
        "sequencer": padded_sequencer(notification.sequencer),
        "last_modified": version.last_modified if version else None,
        "event_time": notification.event_time,
        "request_id": notification.request_id,
        "status": ImportStatus.RUNNING,
    }


def report_progress(connection: sa.Connection, entry: Entry, records: int, size: int) -> None:
    """Shows how far a running import is: records and bytes read so far. Commits."""
    connection.execute(
        _mine(entry).values(records_so_far=records, bytes_so_far=size),
    )
    connection.commit()


def put_off(connection: sa.Connection, known: Known, reason: str) -> bool:
    """Writes down why an import waits, and returns True, if it is open. Commits.

    To be called with the object's lock.
    """
    if known.entry is None:
        return False
    connection.execute(_mine(known.entry).values(error=cut(reason)))
    connection.commit()
    return True


def succeed(
    connection: sa.Connection, entry: Entry, counts: Mapping[str, int], details: Details
) -> None:
    """Closes an entry, in the transaction that wrote its movies: see `worker.data_version`.

    `counts` has inserted, updated, unchanged, stale and repeated. Raises FencedError where the
    entry was taken over by another worker.
    """
    values = {**counts, "rejected": details.bad, "status": ImportStatus.SUCCEEDED, "error": None}
    _close(connection, entry, details, values)
    _clear_older_failures(connection, entry)


def fail(connection: sa.Connection, entry: Entry, error: PermanentError, details: Details) -> None:
    """Closes an entry whose file was refused: nothing was taken, so all is rejected. Commits."""
    nothing = dict.fromkeys(("inserted", "updated", "unchanged", "stale", "repeated"), 0)
    failure = _failure(error.code, str(error))
    _close(connection, entry, details, {**nothing, **failure, "rejected": details.read})
    connection.commit()


def supersede(connection: sa.Connection, entry: Entry, message: str) -> None:
    """Closes an entry whose object was overwritten before it was read. Commits."""
    _close(connection, entry, Details(), {"status": ImportStatus.SUPERSEDED, "error": cut(message)})
    connection.commit()


def _failure(code: ErrorCode, message: str) -> dict[str, Any]:
    return {"status": ImportStatus.FAILED, "error_code": code, "error": cut(message)}


def cut(message: str) -> str:
    """Returns a message as the ledger takes it: one line of printable text, not too long."""
    one_line = " ".join(message.splitlines())
    printable = one_line.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return printable[:_MESSAGE_MAX_CHARACTERS]


def _mine(entry: Entry) -> sa.Update:
    return sa.update(imports).where(
        imports.c.id == entry.id,
        imports.c.attempts == entry.attempt,
        imports.c.status == ImportStatus.RUNNING,
    )


def _close(
    connection: sa.Connection, entry: Entry, details: Details, values: Mapping[str, Any]
) -> None:
    closing = _mine(entry).values(
        **values,
        read=details.read,
        bad_records=details.bad,
        records_so_far=details.read,
        bytes_so_far=details.bytes_read,
        ignored_fields=dict(details.ignored_fields),
        timings=dict(details.timings),
        finished_at=sa.func.clock_timestamp(),
    )
    if connection.execute(closing).rowcount != 1:
        raise FencedError("Another worker has taken this import over.")
    _replace_bad_records(connection, entry, details.bad_records)


def _replace_bad_records(
    connection: sa.Connection, entry: Entry, bad_records: tuple[BadRecord, ...]
) -> None:
    if entry.attempt > 1:
        mine = import_errors.c.import_id == entry.id
        connection.execute(sa.delete(import_errors).where(mine))
    if bad_records:
        connection.execute(
            sa.insert(import_errors),
            [
                {
                    "import_id": entry.id,
                    "position": bad.position,
                    "faults": [{"field": at, "message": text} for at, text in bad.faults],
                    "raw": bad.raw,
                }
                for bad in bad_records
            ],
        )


def _clear_older_failures(connection: sa.Connection, entry: Entry) -> None:
    """A good new version of a file does away with the failures of the versions before it."""
    connection.execute(_CLEAR_OLDER_FAILURES, {"id": entry.id})
