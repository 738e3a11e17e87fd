"""Newest file wins, in ten lines: what the table has to say, whatever the workers go through."""

import json
from typing import Any

from schemas.movie import movie_id
from schemas.notification import Notification, notification_id, padded_sequencer
from tests.object_store import StoredVersion

Event = tuple[StoredVersion, str]  # a version and the sequencer of its event


def model(bucket: str, events: list[Event]) -> dict[str, list[str]]:
    """What shall stand in the table: of each movie, what its newest file says last."""

    def rank(event: Event) -> tuple[Any, ...]:
        version, sequencer = event
        time = version.last_modified
        return (time, bucket, version.key, padded_sequencer(sequencer), version.version_id)

    movies = {}
    for version, _ in sorted(events, key=rank):
        for record in json.loads(version.body):
            identity = movie_id(record["title"], record["year"], record["cast"])
            movies[str(identity)] = record["genres"]
    return movies


def notification_of(bucket: str, event: Event) -> Notification:
    """What is said of a version when it has been put."""
    version, sequencer = event
    said = {"version_id": version.version_id, "etag": version.etag, "sequencer": sequencer}
    made = notification_id(bucket, version.key, **said)
    return Notification(id=made, bucket=bucket, key=version.key, **said)
