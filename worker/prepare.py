"""Makes the three roles, the database and its schema: `python -m worker.prepare`.

For whoever has an administrator's account and nothing else yet; the chart runs it before each
release. All of it can be run again: what is there is brought to what it should be.
"""

import dataclasses
import os
from typing import Final, Self

import psycopg2

from schemas.settings import DatabaseSettings, Environment
from worker.migrate import database_url, migrate
from worker.roles import MIGRATOR, Passwords, ensure_database, ensure_roles

_MAINTENANCE_DATABASE: Final = "postgres"  # every server has it
_CONNECT_SECONDS: Final = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the server is, as whom to go there, and the passwords that the roles shall have."""

    administrator: DatabaseSettings
    passwords: Passwords
    name: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads MRU_DB_* and a password for each role. Raises SettingError."""
        database = DatabaseSettings.read(environment)
        return cls(
            administrator=dataclasses.replace(database, name=_MAINTENANCE_DATABASE),
            passwords=Passwords(
                migrator=environment.text("MRU_MIGRATOR_PASS"),
                worker=environment.text("MRU_WORKER_PASS"),
                api=environment.text("MRU_API_PASS"),
            ),
            name=database.name,
        )

    @property
    def migrator(self) -> DatabaseSettings:
        """The way to the database for the role that owns it."""
        return dataclasses.replace(
            self.administrator, user=MIGRATOR, password=self.passwords.migrator, name=self.name
        )


def prepare(settings: Settings) -> None:
    """Makes what is missing. Raises psycopg2's and SQLAlchemy's errors, and MigrationError."""
    connection = psycopg2.connect(
        **settings.administrator.parameters, connect_timeout=_CONNECT_SECONDS
    )
    connection.autocommit = True
    try:
        ensure_roles(connection, settings.passwords)
        ensure_database(connection, settings.name)
    finally:
        connection.close()
    migrate(database_url(settings.migrator))


def main() -> None:
    """Prepares the database that the environment names."""
    prepare(Settings.read(Environment(os.environ)))


if __name__ == "__main__":
    main()
