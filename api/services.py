"""What the views work with: the settings, the database and the queue of their application."""

import dataclasses
from typing import Final

from flask import Flask, current_app

from api.database import Database
from api.queue import ImportQueue
from api.settings import Settings

_EXTENSION: Final = "movies-r-us"


@dataclasses.dataclass(frozen=True)
class Services:
    """One of each for an application; none of them connects before it is used."""

    settings: Settings
    database: Database
    queue: ImportQueue

    @classmethod
    def install(cls, app: Flask, settings: Settings) -> None:
        """Makes the services of an application."""
        app.extensions[_EXTENSION] = cls(
            settings=settings,
            database=Database(settings.database),
            queue=ImportQueue(region=settings.region, url=settings.queue_url),
        )


def services() -> Services:
    """Returns the services of the application that serves the present request."""
    found: Services = current_app.extensions[_EXTENSION]
    return found
