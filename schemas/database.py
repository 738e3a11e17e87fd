"""How API and worker reach the database: an engine for SQLAlchemy, parameters for libpq.

The engine's URL has no password. Each new connection takes the present one, so that a password
file that was replaced is used without a restart.
"""

from typing import Any, Final

import sqlalchemy as sa
import structlog

from schemas.settings import DatabaseSettings, SettingError

_DRIVER: Final = "postgresql+psycopg2"

log = structlog.get_logger(__name__)


def make_engine(settings: DatabaseSettings, **options: Any) -> sa.Engine:
    """Returns SQLAlchemy's engine with these options; connects to nothing yet."""
    # Values of statements are records of files, or what people look for: errors do not tell them.
    engine = sa.create_engine(_url(settings), hide_parameters=True, **options)

    def add_password(_: Any, __: Any, ___: Any, arguments: dict[str, Any]) -> None:
        password = present_password(settings)
        if password:  # without one, libpq looks into its own password file
            arguments["password"] = password

    sa.event.listen(engine, "do_connect", add_password)
    return engine


def database_url(settings: DatabaseSettings) -> sa.URL:
    """Returns the address of a database as SQLAlchemy wants it, the password in it."""
    return _url(settings).set(password=settings.password)


def parameters(settings: DatabaseSettings) -> dict[str, Any]:
    """Returns what psycopg2 connects with, the present password among it."""
    return {
        "host": settings.host,
        "port": settings.port,
        "user": settings.user,
        "password": present_password(settings),
        "dbname": settings.name,
    }


def present_password(settings: DatabaseSettings) -> str:
    """Returns the password that the file holds now; where it cannot be read, that of the start."""
    try:
        return settings.present_password()
    except SettingError as error:
        # It may still be right; if it is not, Postgres says so.
        log.warning("password file not read", reason=str(error))
        return settings.password


def _url(settings: DatabaseSettings) -> sa.URL:
    return sa.URL.create(
        _DRIVER,
        username=settings.user,
        host=settings.host,
        port=settings.port,
        database=settings.name,
    )
