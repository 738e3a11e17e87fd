"""What operators type: `celery -A worker.app imports …`.

Subcommands of the `celery` command itself, by its entry point group `celery.commands`. They read
and write Postgres and the queue, and so work with no worker running.
"""

from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from celery import Celery
from celery.bin.base import CLIContext
from kombu.exceptions import OperationalError

from schemas.notification import IMPORT_QUEUE, IMPORT_TASK, Notification, dump_notification
from worker.backfill import backfill, list_bucket
from worker.database import Database
from worker.errors import WorkerError
from worker.objects import make_client
from worker.settings import Settings


@click.group()
def imports() -> None:
    """Look at imports, and put them right."""


@imports.command("backfill")
@click.argument("bucket")
@click.option("--prefix", default="", help="Only keys that begin like this.")
@click.pass_obj
def backfill_command(context: CLIContext, bucket: str, prefix: str) -> None:
    """Import what is in BUCKET and was never announced.

    Lists the bucket, downloads nothing, and queues exactly the objects that the ledger does not
    know. A second run queues nothing.

    \b
    Examples:
      celery -A worker.app imports backfill movies-r-us
      celery -A worker.app imports backfill movies-r-us --prefix 2026/11/
    """
    settings = _settings(context.app)
    pages = list_bucket(make_client(settings.region), bucket, prefix)
    try:
        with Database.at(settings.database).connect() as connection:
            done = backfill(connection, pages, _sender(context.app), on_error=settings.on_error)
    except WorkerError as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, ClientError, BotoCoreError) as error:
        raise click.ClickException(f"The queue did not take a message: {error}") from error
    click.echo(f"{done.listed} objects listed, {done.missed} of them queued.")


def _settings(app: Celery) -> Settings:
    settings: Settings = app.conf["mru_settings"]
    return settings


def _sender(app: Celery) -> Any:
    def send(notification: Notification) -> None:
        app.send_task(
            IMPORT_TASK,
            kwargs={"notification": dump_notification(notification)},
            task_id=str(notification.id),
            queue=IMPORT_QUEUE,
            declare=[],
        )

    return send
