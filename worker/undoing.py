"""Undoing an import: what it alone brought is removed, what others brought too falls back to them.

The database keeps which imports spoke of a movie, but not what each of them said. So the files of
the others are read again. A movie whose file is gone stays as it is, and counts as that file's.

The reading comes first; then, with no import under way, all is changed in one transaction, if what
was read is still what is needed.
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

import sqlalchemy as sa

from schemas.imports import ActionKind, ImportStatus, OnError
from schemas.notification import Notification
from schemas.tables import imports
from worker import actions, data_version, locks, reporting, store
from worker.actions import Operator
from worker.database import Database
from worker.errors import PermanentError, SupersededError, TransientError, WorkerError
from worker.objects import buffered, open_object
from worker.reading import read_file
from worker.settings import Limits
from worker.validate import Validator

_ALONE_WAIT_SECONDS: Final = 60

# Of each movie that has this import's content: the last, in the order of files, of the others.
_OTHERS: Final = """
SELECT movies.id, other.id AS import_id
FROM movies {join} JOIN LATERAL (
    SELECT imports.id FROM claims JOIN imports ON imports.id = claims.import_id
    WHERE claims.movie_id = movies.id AND claims.import_id <> :me
    ORDER BY imports.last_modified DESC, imports.bucket DESC, imports.key DESC,
        imports.sequencer DESC, imports.version_id DESC
    LIMIT 1
) AS other ON true
WHERE movies.import_id = :me
"""
_PLAN: Final = f"""
SELECT import_id, count(*) AS movies FROM ({_OTHERS.format(join="LEFT")}) AS brought
GROUP BY import_id
"""  # noqa: S608  nothing but what stands above
_KEPT: Final = """
SELECT count(*) FROM claims JOIN movies ON movies.id = claims.movie_id
WHERE claims.import_id = :me AND movies.import_id <> :me
"""

_BEGIN: Final = f"""
CREATE TEMPORARY TABLE fallbacks ON COMMIT DROP AS {_OTHERS.format(join="INNER")};
ALTER TABLE fallbacks ADD PRIMARY KEY (id);
CREATE TEMPORARY TABLE said (id uuid PRIMARY KEY, "cast" text[], genres text[]) ON COMMIT DROP;
"""
_LISTEN: Final = """
INSERT INTO said (id, "cast", genres)
SELECT staged.id, staged."cast", staged.genres
FROM staged JOIN fallbacks USING (id) WHERE fallbacks.import_id = :other
ON CONFLICT (id) DO UPDATE SET "cast" = excluded."cast", genres = excluded.genres
"""
_FORGET: Final = """
DELETE FROM said USING fallbacks WHERE said.id = fallbacks.id AND fallbacks.import_id = :other
"""
_CHANGED: Final = f"""
WITH now AS MATERIALIZED ({_OTHERS.format(join="INNER")})
SELECT EXISTS (SELECT id, import_id FROM now EXCEPT SELECT id, import_id FROM fallbacks)
    OR EXISTS (SELECT id, import_id FROM fallbacks EXCEPT SELECT id, import_id FROM now)
"""  # noqa: S608  nothing but what stands above

_RESTORE: Final = """
UPDATE movies SET "cast" = said."cast", genres = said.genres, import_id = fallbacks.import_id
FROM fallbacks JOIN said USING (id)
WHERE movies.id = fallbacks.id
"""
_HAND_OVER: Final = """
UPDATE movies SET import_id = fallbacks.import_id FROM fallbacks
WHERE movies.id = fallbacks.id AND movies.import_id = :me
"""
_FOLD: Final = """
DELETE FROM claims USING fallbacks
WHERE claims.movie_id = fallbacks.id AND claims.import_id = fallbacks.import_id
"""
_REMOVE: Final = "DELETE FROM movies WHERE import_id = :me"
_RELEASE: Final = "DELETE FROM claims WHERE import_id = :me"


class NotUndoneError(WorkerError):
    """An import cannot be undone now; the message says why, and nothing was changed."""


@dataclasses.dataclass(frozen=True)
class Other:
    """Another import, and how many movies would fall back to it."""

    found: reporting.Row
    movies: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What undoing would do. `kept` movies have another file's content already."""

    removed: int
    others: list[Other]
    kept: int

    @property
    def shared(self) -> int:
        """How many movies would fall back to other files."""
        return sum(other.movies for other in self.others)


@dataclasses.dataclass(frozen=True)
class Undone:
    """What undoing did, in movies. `left` are as they were, for their other file is gone."""

    removed: int
    restored: int
    left: int
    kept: int


def make_plan(connection: sa.Connection, import_id: uuid.UUID) -> Plan:
    """Finds out what undoing an import would do. Changes nothing."""
    me = {"me": import_id}
    counted = {row.import_id: row.movies for row in connection.execute(sa.text(_PLAN), me)}
    removed = counted.pop(None, 0)
    others = [Other(reporting.get(connection, made), count) for made, count in counted.items()]
    return Plan(
        removed=removed,
        others=sorted(others, key=lambda other: _by_place(other.found)),
        kept=connection.execute(sa.text(_KEPT), me).scalar_one(),
    )


@dataclasses.dataclass(frozen=True)
class Undoer:
    """What undoing needs of the outside. `tell` is given a line for each file that is read."""

    database: Database
    s3: Any
    limits: Limits
    tell: Callable[[str], None]

    def undo(self, found: reporting.Row, operator: Operator) -> Undone:
        """Undoes an import that succeeded. Raises NotUndoneError, and TransientError."""
        with (
            self.database.connect() as connection,
            locks.object_locked(connection, found["bucket"], found["key"]),
            self.database.connect() as work,
        ):
            connection.commit()  # the lock is the session's, and stays
            undone = self._undo(work, found["id"], operator)
            store.flush(connection)
            return undone

    def _undo(self, work: sa.Connection, me: uuid.UUID, operator: Operator) -> Undone:
        store.make_stage(work)
        work.execute(sa.text(_BEGIN), {"me": me})
        ids = work.execute(sa.text("SELECT DISTINCT import_id FROM fallbacks")).scalars()
        self._read(work, sorted((reporting.get(work, other) for other in ids), key=_by_place))
        _be_alone(work)
        if work.execute(sa.text(_CHANGED), {"me": me}).scalar_one():
            raise NotUndoneError("Another import changed its movies meanwhile: try again.")
        undone = _take_back(work, me)
        _close(work, me, operator)
        data_version.commit_new_version(work)
        return undone

    def _read(self, work: sa.Connection, others: Iterable[reporting.Row]) -> None:
        for other in others:
            place = f"s3://{other['bucket']}/{other['key']}"
            try:
                self._read_one(work, other)
            except (PermanentError, SupersededError) as error:
                work.execute(sa.text(_FORGET), {"other": other["id"]})
                self.tell(f"{place} cannot be read again: {error}")
            else:
                self.tell(f"{place} was read again.")

    def _read_one(self, work: sa.Connection, other: reporting.Row) -> None:
        validator = Validator(OnError.CONTINUE, self.limits)
        with open_object(self.s3, _version_of(other)) as opened:
            records = read_file(buffered(opened), opened.version.size, self.limits)
            for batch in map(store.prepare, validator.chunks(records)):
                work.exec_driver_sql("TRUNCATE staged")
                store.stage(work, batch)
                work.execute(sa.text(_LISTEN), {"other": other["id"]})


def _by_place(row: reporting.Row) -> tuple[Any, ...]:
    return row["bucket"], row["key"], row["last_modified"]


def _version_of(row: reporting.Row) -> Notification:
    names = ("id", "bucket", "key", "version_id", "etag")
    return Notification(**{name: row[name] for name in names})


def _be_alone(work: sa.Connection) -> None:
    try:
        locks.take_turn(work, alone=True, wait_seconds=_ALONE_WAIT_SECONDS)
    except TransientError as error:
        raise NotUndoneError(
            f"Imports were under way for {_ALONE_WAIT_SECONDS} seconds: try again later. {error}"
        ) from error


def _take_back(work: sa.Connection, me: uuid.UUID) -> Undone:
    kept = work.execute(sa.text(_KEPT), {"me": me}).scalar_one()
    restored = work.execute(sa.text(_RESTORE)).rowcount
    left = work.execute(sa.text(_HAND_OVER), {"me": me}).rowcount
    work.execute(sa.text(_FOLD))
    removed = work.execute(sa.text(_REMOVE), {"me": me}).rowcount
    work.execute(sa.text(_RELEASE), {"me": me})
    return Undone(removed=removed, restored=restored, left=left, kept=kept)


def _close(work: sa.Connection, me: uuid.UUID, operator: Operator) -> None:
    closing = (
        sa.update(imports)
        .where(imports.c.id == me, imports.c.status == ImportStatus.SUCCEEDED)
        .values(
            status=ImportStatus.UNDONE,
            # Who and why is in the actions, which the API shows to operators alone.
            error="Undone by an operator.",
            finished_at=sa.func.clock_timestamp(),
        )
    )
    if work.execute(closing).rowcount != 1:
        raise NotUndoneError("It is no longer an import that succeeded.")
    actions.record(work, me, ActionKind.UNDO, operator)
