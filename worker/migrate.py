"""Brings the database to this version's schema: `python -m worker.migrate`, as the migrator."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from schemas.database import database_url
from schemas.settings import DatabaseSettings, Environment
from worker import entry
from worker.connecting import connect
from worker.errors import MigrationError

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 7_106_115_001  # any number, the same in every version
_MINIMUM_VERSION: Final = 170000  # the pg_c_utf8 collation came with Postgres 17


def migrate(url: sa.URL | str, revision: str = "head") -> None:
    """Runs every migration that is missing. Two at the same moment: the second one waits.

    Raises MigrationError for a Postgres that is too old, and SQLAlchemy's errors for the rest.
    """
    # SQLAlchemy 2.1 would take psycopg 3 for a plain postgresql:// address.
    address = sa.make_url(url).set(drivername="postgresql+psycopg2")
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
        if int(version) < _MINIMUM_VERSION:
            raise MigrationError(f"Postgres 17 or later is needed, this one says {version}.")
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def migrate_named(environment: Environment) -> None:
    """Migrates the database that an environment names; waits for its server to start."""
    settings = DatabaseSettings.read(environment)
    connect(settings).close()
    migrate(database_url(settings))


if __name__ == "__main__":
    entry.run(migrate_named)
