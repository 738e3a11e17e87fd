"""What the views work with: settings, database, queue and bucket of their application."""

import dataclasses
import hashlib
from typing import Final, Self

from flask import Flask, current_app

from api import queries
from api.bucket import Bucket
from api.database import Database
from api.database_watch import WATCH, DatabaseStatus, DatabaseWatch
from api.errors import DatabaseUnavailableError
from api.queue import ImportQueue
from api.settings import Settings

_EXTENSION: Final = "movies-r-us"


@dataclasses.dataclass(frozen=True)
class Services:
    """One of each for an application; none of them connects before it is used.

    `document` is the OpenAPI document as it is served; `release` is a mark of it and of
    the pages: two releases that answer differently have different ones.
    """

    settings: Settings
    database: Database
    watch: DatabaseWatch
    queue: ImportQueue
    bucket: Bucket
    document: bytes
    release: str

    @classmethod
    def install(cls, app: Flask, settings: Settings, *, document: bytes, pages: str) -> Self:
        """Makes the services of an application; `pages` is a mark of its pages."""
        database = Database(settings.database, costly_at_once=settings.costly_searches)
        made = cls(
            settings=settings,
            database=database,
            watch=DatabaseWatch(lambda: _status_of(database)),
            queue=ImportQueue(region=settings.region, url=settings.queue_url),
            bucket=Bucket(settings.buckets[0], region=settings.region),
            document=document,
            release=hashlib.sha256(document + pages.encode()).hexdigest()[:32],
        )
        app.extensions[_EXTENSION] = made
        app.extensions[WATCH] = made.watch
        return made


def services() -> Services:
    """Returns the services of the application that serves the present request."""
    found: Services = current_app.extensions[_EXTENSION]
    return found


def _status_of(database: Database) -> DatabaseStatus:
    try:
        migrated = database.ask(queries.is_migrated)
    except DatabaseUnavailableError:
        return DatabaseStatus.UNAVAILABLE
    return DatabaseStatus.AVAILABLE if migrated else DatabaseStatus.NOT_MIGRATED
