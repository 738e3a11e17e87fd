"""The road of a file without its queue: a bucket, an importer called directly, and its database."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import psycopg2
import psycopg2.extras

from local.database import Dsns, environment_of
from schemas.notification import Notification, notification_id
from schemas.settings import Environment
from worker.database import Database
from worker.importing import Importer, Outcome
from worker.objects import make_client
from worker.settings import Settings


@dataclasses.dataclass
class Road:
    """A bucket and an importer into a database, and a way to look at what came of it."""

    bucket: str
    s3: Any
    importer: Importer
    dsn: str

    def upload(self, body: bytes, key: str = "movies.json") -> Notification:
        answer = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.notification(key, etag=answer["ETag"].strip('"'))

    def notification(self, key: str, **event: Any) -> Notification:
        event = {"event_time": datetime.now(UTC)} | event
        return Notification(
            id=notification_id(self.bucket, key, **event), bucket=self.bucket, key=key, **event
        )

    def run(self, body: bytes, key: str = "movies.json") -> Outcome:
        return self.importer.run(self.upload(body, key))

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        connection = psycopg2.connect(self.dsn)
        try:
            with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(sql, values)
                return [dict(row) for row in cursor.fetchall()]
        finally:
            connection.close()

    def entry(self) -> dict[str, Any]:
        """The import that was begun last."""
        return self.query("SELECT * FROM imports ORDER BY started_at DESC LIMIT 1")[0]

    def movies(self) -> list[dict[str, Any]]:
        return self.query('SELECT title, year, "cast", genres FROM movies ORDER BY title, "cast"')


MakeRoad = Callable[..., Road]


def open_road(aws: str, bucket: str, database: Dsns, **variables: str) -> Road:
    """Opens the road from a bucket into a database, with the worker's settings as named."""
    environment = environment_of(database.worker) | {
        "AWS_REGION": "eu-west-1",
        "MRU_QUEUE_URL": f"{aws}/unused",
        "MRU_BUCKETS": bucket or "any",
    }
    settings = Settings.read(Environment(environment | variables))
    importer = Importer(
        Database.at(settings.database), make_client("eu-west-1", settings.bucket_owner), settings
    )
    return Road(bucket, boto3.client("s3", region_name="eu-west-1"), importer, database.admin)


def counts_of(entry: dict[str, Any]) -> dict[str, int]:
    names = ("read", "inserted", "updated", "unchanged", "stale", "repeated", "rejected")
    return {name: entry[name] for name in names if entry[name]}
