"""Where an operator sits: the ledger, the queue and the screen, as one command needs them.

Whatever goes wrong outside is one line on standard error and exit code 1; what was typed wrongly,
or a setting that is missing, is exit code 2.
"""

import contextlib
import dataclasses
import functools
import getpass
import os
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import boto3
import click
import sqlalchemy as sa
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from celery import Celery
from celery.bin.base import CLIContext
from kombu.exceptions import OperationalError
from rich.console import Console

from schemas.imports import OnError
from schemas.notification import Notification, message_for
from schemas.settings import DatabaseSettings, Environment, SettingError
from worker.actions import ACTOR_MAX_LENGTH, Operator
from worker.commands.screen import printable
from worker.database import Database
from worker.dead_letters import Queues
from worker.errors import UnusableSettingError, WorkerError, one_line
from worker.objects import make_client
from worker.rules import Rules
from worker.rules_file import read_rules
from worker.settings import Limits, read_bucket_owner, read_on_error, read_queue_url, read_region

_WIDTH_OF_A_PIPE: Final = 160  # who reads it there does not count columns

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Verbs(click.Group):
    """The commands, in the order in which they were added, and what becomes of their failures."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Returns the names as --help lists them: what is looked at first, then what is done."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command. What the outside world refuses is one line, and so is a setting."""
        try:
            return super().invoke(ctx)
        except SettingError as error:
            raise UnusableSettingError(printable(str(error))) from error
        except (WorkerError, sa.exc.DBAPIError) as error:
            raise click.ClickException(printable(one_line(error))) from error
        except (OperationalError, ClientError, BotoCoreError) as error:
            said = printable(one_line(error))
            raise click.ClickException(f"AWS did not do its part: {said}") from error


@dataclasses.dataclass(frozen=True)
class Desk:
    """What a command works with. Nothing is opened before it is asked for, and no setting read."""

    app: Celery
    environment: Environment
    console: Console

    @classmethod
    def of(cls, context: CLIContext) -> "Desk":
        """Sits down at the app that was named with -A. Raises click's UsageError for any other."""
        environment = getattr(context.app, "mru_environment", None)
        if environment is None:
            raise click.UsageError("Which app is meant? Say: celery -A worker.app imports …")
        return cls(context.app, environment, make_console(no_color=context.no_color))

    @property
    def limits(self) -> Limits:
        """How much of a file is read."""
        return Limits.read(self.environment)

    @property
    def on_error(self) -> OnError:
        """What a bad record does to its file, where nothing else was said."""
        return read_on_error(self.environment)

    @functools.cached_property
    def rules(self) -> Rules:
        """Which objects are imported, and how."""
        return read_rules(self.environment)

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """Lends a way to the database, and closes what it opened."""
        database = Database.at(DatabaseSettings.read(self.environment))
        try:
            yield database
        finally:
            database.engine.dispose()

    @contextlib.contextmanager
    def ledger(self) -> Iterator[sa.Connection]:
        """Lends one connection."""
        with self.database() as database, database.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def objects(self) -> Iterator[Any]:
        """Lends an S3 client."""
        region, owner = read_region(self.environment), read_bucket_owner(self.environment)
        with contextlib.closing(make_client(region, owner)) as client:
            yield client

    @contextlib.contextmanager
    def queues(self) -> Iterator[Queues]:
        """Lends the queue and its dead-letter queue."""
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
        region, url = read_region(self.environment), read_queue_url(self.environment)
        with contextlib.closing(boto3.client("sqs", region_name=region, config=config)) as client:
            yield Queues(client, url)

    def send(self, notification: Notification) -> None:
        """Announces an object to the workers, as the API does."""
        message = message_for(notification, request_id=notification.request_id)
        self.app.send_task(**message, retry=False)

    def say(self, line: str) -> None:
        """Prints a line, as long as it is."""
        self.console.print(printable(line), markup=False, soft_wrap=True)


def make_console(*, no_color: bool) -> Console:
    """Returns a console on standard output: colours only on a terminal that may have them."""
    # rich itself heeds NO_COLOR and TERM.
    console = Console(highlight=False, no_color=True if no_color else None)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH_OF_A_PIPE)
    return console


def at_the_desk(
    command: Callable[Concatenate[Desk, Arguments], Result],
) -> Callable[Arguments, Result]:
    """Hands a command its desk."""

    @functools.wraps(command)
    def sit_down(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        context: CLIContext = click.get_current_context().obj
        return command(Desk.of(context), *args, **kwargs)

    return sit_down


def ask(question: str, *, yes: bool) -> None:
    """Returns when the operator agrees. Raises click's Abort for a no, UsageError for nobody."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is nobody to ask here: say --yes.")
    click.confirm(question, abort=True, err=True)


def operator_named(name: str | None, reason: str | None) -> Operator:
    """Returns who is at the desk: as they say, or else as the system knows them."""
    return Operator((name or _user())[:ACTOR_MAX_LENGTH], reason)


def _user() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
