"""The version of the data: the API's responses are as old as it says. Writes `data_version`."""

import contextlib
from typing import Final

import sqlalchemy as sa

_COMMIT_NEW_VERSION: Final = "UPDATE data_version SET version = version + 1; COMMIT; BEGIN"


def commit_new_version(connection: sa.Connection) -> None:
    """Commits, and says that the movies have changed: the end of whatever changed them.

    All of it is one query, so that Postgres waits for no client in between. Imports that end at the
    same moment wait here for each other's commit: a client that vanished there would stop them all.
    """
    # The driver, which counts on being in a transaction, is given a new one.
    connection.exec_driver_sql(_COMMIT_NEW_VERSION)
    with contextlib.suppress(sa.exc.DBAPIError):  # what is committed is committed
        connection.rollback()
