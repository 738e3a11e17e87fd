"""What the bucket has and the ledger does not: objects whose events were missed.

The bucket is listed, a thousand keys at a time, and nothing is downloaded. An object is known when
the ledger has its bucket, key, etag and LastModified; whether its import went well is another
question, which a retry answers.
"""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.dialects.postgresql import insert

from schemas.imports import ImportStatus, OnError
from schemas.notification import Notification, notification_id
from schemas.tables import imports
from worker.errors import WorkerError
from worker.rules import Decision, Rules


class ListingError(WorkerError):
    """The bucket could not be listed."""


@dataclasses.dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it: the newest version of its key. `size` is in bytes."""

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime

    @property
    def notification(self) -> Notification:
        """The event that was missed, as far as a listing tells."""
        event = {"etag": self.etag, "event_time": self.last_modified}
        made = notification_id(self.bucket, self.key, **event)  # type: ignore[arg-type]
        return Notification(
            id=made,
            bucket=self.bucket,
            key=self.key,
            etag=self.etag,
            size=self.size,
            event_time=self.last_modified,
        )


@dataclasses.dataclass(frozen=True)
class Backfilled:
    """How many objects were listed; of them, how many had been missed, or are to be ignored."""

    listed: int
    missed: int
    ignored: int


def backfill(
    connection: sa.Connection,
    pages: Iterator[list[ListedObject]],
    send: Callable[[Notification], None],
    *,
    rules: Rules,
    on_error: OnError,
) -> Backfilled:
    """Sends a notification for each object that the ledger does not know, and enters it as queued.

    What the rules ignore is left out, and counted only if the ledger does not know it. `on_error`
    is for objects whose rule names none.

    A second run therefore sends nothing, even before the first one's imports have begun. Sent
    first and entered then: cut off in between, it sends some again, and those are imported once.
    """
    listed = missed = ignored = 0
    for page in pages:
        unknown = [(found, _decide(rules, found)) for found in find_unknown(connection, page)]
        wanted = [(found, each.on_error) for found, each in unknown if not each.ignored]
        for found, _ in wanted:
            send(found.notification)
        if wanted:
            _enter(connection, [(found, policy or on_error) for found, policy in wanted])
        connection.commit()
        listed += len(page)
        missed += len(wanted)
        ignored += len(unknown) - len(wanted)
    return Backfilled(listed, missed, ignored)


def _decide(rules: Rules, found: ListedObject) -> Decision:
    return rules.decide(found.bucket, found.key, size=found.size)


def list_bucket(client: Any, bucket: str, prefix: str) -> Iterator[list[ListedObject]]:
    """Yields the objects of a bucket by pages. Raises ListingError."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            yield [_listed(bucket, found) for found in page.get("Contents", [])]
    except (ClientError, BotoCoreError) as error:
        raise ListingError(f"s3://{bucket}/{prefix} cannot be listed: {error}") from error


def _listed(bucket: str, found: dict[str, Any]) -> ListedObject:
    return ListedObject(
        bucket=bucket,
        key=found["Key"],
        etag=found["ETag"].strip('"'),
        size=found["Size"],
        last_modified=found["LastModified"],
    )


def find_unknown(connection: sa.Connection, page: list[ListedObject]) -> list[ListedObject]:
    """Returns those objects of a listing that the ledger does not know."""
    if not page:
        return []
    statement = sa.select(imports.c.key, imports.c.etag, imports.c.last_modified).where(
        imports.c.bucket == page[0].bucket,
        imports.c.key.in_([found.key for found in page]),
        # What was never read is known by its etag alone, unless it was overwritten since.
        imports.c.last_modified.is_not(None) | (imports.c.status != ImportStatus.SUPERSEDED),
    )
    known = {tuple(row) for row in connection.execute(statement)}
    return [
        found
        for found in page
        if (found.key, found.etag, found.last_modified) not in known
        and (found.key, found.etag, None) not in known
    ]


def _enter(connection: sa.Connection, missed: list[tuple[ListedObject, OnError]]) -> None:
    rows = [
        {
            "id": found.notification.id,
            "bucket": found.bucket,
            "key": found.key,
            "etag": found.etag,
            "size": found.size,
            "event_time": found.last_modified,
            "status": ImportStatus.QUEUED,
            "on_error": on_error,
            "attempts": 0,
        }
        for found, on_error in missed
    ]
    connection.execute(insert(imports).values(rows).on_conflict_do_nothing())
