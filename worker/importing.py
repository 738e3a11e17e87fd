"""One import, from its announcement to its end in the ledger: lock, fetch, validate, store, report.

The ledger has a connection of its own, which holds the object's lock and commits as it goes; the
movies are written on a second one, whose single commit also closes the ledger's entry.
"""

import dataclasses
import functools
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
import structlog
from billiard.exceptions import SoftTimeLimitExceeded

from schemas.imports import ErrorCode, OnError
from schemas.notification import Notification
from worker import data_version, ledger, locks, observe, presence, store, unopened
from worker.ahead import ahead
from worker.database import Database, DeadlockError
from worker.errors import (
    ObjectBusyError,
    PermanentError,
    SupersededError,
    TimedOutError,
    TransientError,
    UnopenedError,
    one_line,
)
from worker.lease import Turn
from worker.objects import OpenObject, open_object
from worker.reading import Reading
from worker.rules import Decision
from worker.settings import Settings
from worker.validate import Validator

_OBJECT_WAIT_SECONDS: Final = 1  # of a process; then the message waits without one
_PROGRESS_SECONDS: Final = 1.0
_BATCHES_AHEAD: Final = 2
_KNOWN_GENRES_MAX: Final = 10_000

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """How a task ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"  # a rule says so, and the ledger has no entry of it
    KNOWN = "known"  # nothing to do: the ledger has this object version already


@dataclasses.dataclass(frozen=True)
class Importer:
    """What an import needs of the outside, and the genres that the table is known to have."""

    database: Database
    s3: Any
    settings: Settings
    known_genres: set[str] = dataclasses.field(default_factory=set)

    def run(self, notification: Notification, turn: Turn | None = None) -> Outcome:
        """Imports the object version that a notification means, unless that was done before.

        Raises TransientError for what time can mend; nothing is then written but the ledger's
        running entry. What time cannot mend ends in the ledger.
        """
        turn = turn or Turn()
        try:
            return self._run(notification, turn, alone=False)
        except DeadlockError:
            log.info("import begins again alone", bucket=notification.bucket, key=notification.key)
            return self._run(notification, turn, alone=True)

    def put_off(self, notification: Notification, reason: str) -> bool:
        """Writes down why an import waits, if it is open. Raises TransientError."""
        with self._locked(notification) as (connection, _):
            known = ledger.find(connection, notification.id)
            return known is not None and ledger.put_off(connection, known, reason)

    def enter_waiting(self, notification: Notification, reason: str) -> None:
        """Enters an import as queued whose object is busy. Raises TransientError."""
        with self.database.connect() as connection:
            unopened.enter_waiting(connection, notification, reason, self.on_error(notification))

    def give_up(self, notification: Notification, reason: str) -> None:
        """Writes down that time did not mend what it should have. Raises TransientError."""
        error = PermanentError(ErrorCode.GAVE_UP, f"Given up: {reason}")
        close = functools.partial(
            unopened.give_up,
            notification=notification,
            error=error,
            on_error=self.on_error(notification),
        )
        try:
            with self._locked(notification) as (connection, _):
                close(connection, locked=True)
        except ObjectBusyError:
            with self.database.connect() as connection:
                close(connection, locked=False)

    def decide(self, notification: Notification, size: int | None) -> Decision:
        """Returns what the rules say of the object, if it has so many bytes."""
        return self.settings.rules.decide(notification.bucket, notification.key, size=size)

    def on_error(self, notification: Notification) -> OnError:
        """Returns what an invalid record does to the object's import: by a rule, or the setting."""
        decided = self.decide(notification, notification.size).on_error
        return decided or self.settings.on_error

    def remember(self, genres: set[str]) -> None:
        """Notes genres that the table has for certain, as long as they are not too many."""
        if len(self.known_genres) < _KNOWN_GENRES_MAX:
            self.known_genres.update(genres)

    def _run(self, notification: Notification, turn: Turn, *, alone: bool) -> Outcome:
        with self._locked(notification) as (connection, present):
            return _Import(self, connection, notification, turn, present, alone=alone).run()

    @contextmanager
    def _locked(
        self, notification: Notification
    ) -> Iterator[tuple[sa.Connection, presence.Presence]]:
        """Lends the ledger's connection, holding the lock of the notification's object."""
        bucket, key = notification.bucket, notification.key
        with (
            self.database.connect() as connection,
            locks.object_locked(connection, bucket, key, wait_seconds=_OBJECT_WAIT_SECONDS),
            presence.present(connection, bucket, key) as present,
        ):
            yield connection, present


@dataclasses.dataclass(frozen=True)
class _Import:
    """One run of one import, while the object's lock is held."""

    importer: Importer
    connection: sa.Connection  # the ledger's
    notification: Notification
    turn: Turn
    present: presence.Presence
    alone: bool = dataclasses.field(kw_only=True)

    def run(self) -> Outcome:
        known = ledger.find(self.connection, self.notification.id)
        if known is not None and known.done:
            return Outcome.KNOWN
        if known is not None:
            self._refuse_what_breaks_workers(known)
        elif self._ignores(self.notification.size):
            return Outcome.IGNORED
        import_id = known.id if known else self.notification.id
        try:
            with open_object(self.importer.s3, self.notification) as opened:
                return self._import_version(opened, known)
        except PermanentError as error:
            return self._fail(self._unread_entry(import_id), error, ledger.Details())
        except SupersededError as error:
            ledger.supersede(self.connection, self._unread_entry(import_id), str(error))
            log.info("import superseded", reason=str(error))
            return Outcome.SUPERSEDED
        except UnopenedError:
            self._unread_entry(import_id)  # so that it shows, and counts
            raise
        except SoftTimeLimitExceeded:
            seconds = self.importer.settings.task_seconds
            again = known is not None and known.timed_out
            raise TimedOutError(seconds, again=again) from None

    def _ignores(self, size: int | None) -> bool:
        """Whether a rule ignores the object, if it has so many bytes.

        Not to be asked of what the ledger knows: an entry that is there is brought to its end.
        """
        decision = self.importer.decide(self.notification, size)
        if decision.ignored:
            log.info("import ignored", reason=decision.reason)
        return decision.ignored

    def _refuse_what_breaks_workers(self, known: ledger.Known) -> None:
        """Keeps the last try for saying so, where those before it cost their workers their lives.

        Raises TransientError, though time did not mend it: like all that was tried in vain, its
        message is to end in the dead-letter queue.
        """
        tries = self.importer.settings.max_receives - 1
        if self.turn.last and known.broken_off and known.attempts >= tries:
            raise TransientError(f"The worker was lost in the middle of attempt {known.attempts}.")

    def _fail(self, entry: ledger.Entry, error: PermanentError, details: ledger.Details) -> Outcome:
        ledger.fail(self.connection, entry, error, details)
        log.warning("import failed", code=error.code, reason=str(error), read=details.read)
        records = {"rejected": details.read}
        observe.tell_import(Outcome.FAILED, details, records, error_code=error.code)
        return Outcome.FAILED

    def _unread_entry(self, import_id: uuid.UUID) -> ledger.Entry:
        return ledger.open_entry(
            self.connection,
            self.notification,
            None,
            import_id=import_id,
            on_error=self.importer.on_error(self.notification),
        )

    def _import_version(self, opened: OpenObject, known: ledger.Known | None) -> Outcome:
        import_id = known.id if known else self.notification.id
        same = ledger.find_version(self.connection, opened.version)
        if known is None and same is None and self._ignores(opened.version.size):
            return Outcome.IGNORED
        if same is not None and same.id != import_id:
            self._point_to(same, import_id)
            if same.done:
                return Outcome.KNOWN
            import_id = same.id
        entry = ledger.open_entry(
            self.connection,
            self.notification,
            opened.version,
            import_id=import_id,
            on_error=self.importer.on_error(self.notification),
        )
        reading = Reading(opened, Validator(entry.on_error, self.importer.settings.limits))
        try:
            self._store(entry, reading)
        except PermanentError as error:
            return self._fail(entry, error, reading.details())
        return Outcome.SUCCEEDED

    def _point_to(self, same: ledger.Known, announced: uuid.UUID) -> None:
        """Lets an announcement lead to the import of the version that it turned out to mean."""
        if ledger.find(self.connection, announced) is None:
            ledger.add_alias(self.connection, announced, same.id)
            self.connection.commit()
        else:
            entry = self._unread_entry(announced)
            ledger.supersede(self.connection, entry, f"The object is that of import {same.id}.")

    def _store(self, entry: ledger.Entry, reading: Reading) -> None:
        """Writes the movies and closes the entry, all in one transaction."""
        reported_at = time.monotonic()
        with self.present.working() as began, self.importer.database.connect() as work:
            store.begin(work, alone=self.alone, large=reading.large)
            began(work)
            merger = store.Merger(work, entry.id, self.importer.known_genres)
            genres: set[str] = set()
            batches = reading.batches(self.importer.settings.limits)
            with ahead(
                batches,
                depth=_BATCHES_AHEAD,
                interrupt=reading.interrupt,
                idle=functools.partial(presence.show_sign, work),
            ) as checked:
                for batch in checked:
                    self.turn.check()
                    with reading.timed("store"):
                        merger.merge(batch)
                    if len(genres) < _KNOWN_GENRES_MAX:
                        genres |= batch.genres
                    if time.monotonic() - reported_at > _PROGRESS_SECONDS:
                        reported_at = time.monotonic()
                        reading.report(self.connection, entry)
            self.turn.check()
            with reading.timed("store"):
                merger.add_genres()
                counts = dataclasses.asdict(merger.counts)
                ledger.succeed(work, entry, counts, reading.details())
                data_version.commit_new_version(work)
        self.importer.remember(genres)
        details = reading.details()
        log.info("import succeeded", read=details.read, **counts)
        records = counts | {"rejected": details.bad}
        since = self.notification.event_time
        observe.tell_import(Outcome.SUCCEEDED, details, records, since=since)
        if reading.large:
            self._flush()

    def _flush(self) -> None:
        """Flushes the search indexes after a large import, which is done whatever becomes of it."""
        try:
            # Not on the ledger's connection, which has to show signs of life.
            with self.importer.database.connect() as other:
                store.flush(other)
        except (TransientError, SoftTimeLimitExceeded, sa.exc.DBAPIError) as error:
            # Postgres flushes them itself sooner or later; until then searches are slower.
            log.warning("search indexes were not flushed", reason=one_line(error))
