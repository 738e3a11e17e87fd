"""Makes the three roles and their bounds, the database and its schema: `python -m worker.prepare`.

For whoever has an administrator's account and nothing else yet; the chart runs it before each
release. All of it can be run again: what is there is brought to what it should be.
"""

import dataclasses
from typing import Final, Self

from schemas.database import database_url
from schemas.settings import DatabaseSettings, Environment
from worker import entry
from worker.bounds import Bounds, bound_roles
from worker.connecting import connect
from worker.migrate import migrate
from worker.roles import MIGRATOR, Passwords, ensure_database, ensure_roles

_MAINTENANCE_DATABASE: Final = "postgres"  # every server has it


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the server is, as whom to go there, and the roles' passwords and bounds."""

    administrator: DatabaseSettings
    passwords: Passwords
    bounds: Bounds
    name: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads MRU_DB_*, each role's password or its file, and bounds. Raises SettingError."""
        database = DatabaseSettings.read(environment)
        return cls(
            administrator=dataclasses.replace(database, name=_MAINTENANCE_DATABASE),
            passwords=Passwords(
                migrator=environment.password("MRU_MIGRATOR_PASS"),
                worker=environment.password("MRU_WORKER_PASS"),
                api=environment.password("MRU_API_PASS"),
            ),
            bounds=Bounds.read(environment),
            name=database.name,
        )

    @property
    def migrator(self) -> DatabaseSettings:
        """The way to the database for the role that owns it."""
        return dataclasses.replace(
            self.administrator,
            user=MIGRATOR,
            password=self.passwords.migrator,
            password_file=None,
            name=self.name,
        )


def prepare(settings: Settings) -> None:
    """Makes what is missing; waits for a server that is only just starting.

    Raises NoConnectionError, MigrationError, and psycopg2's and SQLAlchemy's errors.
    """
    connection = connect(settings.administrator)
    connection.autocommit = True
    try:
        ensure_roles(connection, settings.passwords, settings.name)
        ensure_database(connection, settings.name)
        bound_roles(connection, settings.name, settings.bounds)
    finally:
        connection.close()
    migrate(database_url(settings.migrator))


def prepare_named(environment: Environment) -> None:
    """Prepares the database that an environment names."""
    prepare(Settings.read(environment))


if __name__ == "__main__":
    entry.run(prepare_named)
