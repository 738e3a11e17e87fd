"""What operators type: `celery -A worker.app imports …`, described in docs/operations.md.

Subcommands of the `celery` command itself, by its entry point group `celery.commands`. They read
and write Postgres and the queue, and so work with no worker running.
"""

import click

from worker.commands import (
    asking,
    dead,
    forgetting,
    looking,
    overview,
    ruling,
    undoing,
    validating,
    watching,
)
from worker.commands.desk import Verbs


@click.group(cls=Verbs)
def imports() -> None:
    """Look at imports, and put them right."""


for verb in (
    *(looking.list_imports, looking.show, looking.errors, overview.status),
    watching.watch,
    *(asking.retry, asking.backfill),
    *(validating.validate, ruling.rules),
    *(dead.dead, dead.redrive),
    undoing.undo,
    forgetting.forget_errors,
):
    imports.add_command(verb)
