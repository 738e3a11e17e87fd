"""How `python -m worker.prepare` and `worker.migrate` run, and how they end if they fail."""

import os
import sys
from collections.abc import Callable

import psycopg2
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from schemas.settings import Environment, SettingError, exit_naming
from worker.errors import MigrationError, NoConnectionError, one_line


def run(command: Callable[[Environment], None]) -> None:
    """Runs a command with the process's environment.

    A failure is one line on standard error: exit code 2 for a wrong setting, 1 for everything else.
    """
    try:
        command(Environment(os.environ))
    except SettingError as error:
        exit_naming(error)
    except (
        NoConnectionError,
        MigrationError,
        CommandError,
        psycopg2.Error,
        SQLAlchemyError,
    ) as error:
        sys.exit(one_line(error))  # which writes it to standard error, and is exit code 1
