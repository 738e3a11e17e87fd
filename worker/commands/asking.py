"""imports retry, backfill: what is to be imported again, or was never announced."""

import dataclasses
from collections.abc import Iterable
from typing import Final

import click

from schemas.imports import OnError
from worker import reporting
from worker.actions import Operator
from worker.backfill import backfill as run_backfill
from worker.backfill import list_bucket
from worker.commands import parameters, screen
from worker.commands.desk import Desk, ask, at_the_desk
from worker.reporting import Filter, Row
from worker.retrying import Answer, Wish
from worker.retrying import retry as run_retry

SAID: Final = {
    Answer.QUEUED: "queued again.",
    Answer.ANNOUNCED_AGAIN: "announced again; the import is as it was.",
    Answer.QUEUED_ALREADY: "queued already: nothing was changed.",
    Answer.RUNNING: "running: nothing was changed.",
    Answer.SUCCEEDED: "succeeded already: nothing was changed.",
    Answer.SUPERSEDED: "superseded by a newer version of the file: nothing was changed.",
    Answer.UNDONE: "undone by an operator: nothing was changed.",
    Answer.BUSY: "another version of the file is being imported: nothing was changed.",
}
SENT: Final = (Answer.QUEUED, Answer.ANNOUNCED_AGAIN)


@click.command("retry")
@click.argument("import_ids", metavar="[ID]...", nargs=-1, type=parameters.Reference())
@parameters.choice_options
@parameters.on_error_option
@click.option("--again", is_flag=True, help="Also what waits for a message that was lost.")
@parameters.operator_options
@parameters.yes_option
@at_the_desk
def retry(
    desk: Desk,
    *,
    import_ids: tuple[str, ...],
    choice: Filter | None,
    on_error: str | None,
    again: bool,
    operator: Operator,
    yes: bool,
) -> None:
    """Import again what failed: the imports that are named, or all that failed and fit.

    Asks before more than one. Nothing is imported twice: what succeeded, runs or is queued stays
    as it is, and is said so. What was undone comes back when it is named. It is the same object
    version that is imported; one that was overwritten since then ends as superseded.

    --again also announces what is queued, or running in no worker's hands: for when messages were
    lost, as by `celery purge`.

    \b
    Examples:
      celery -A worker.app imports retry 3f2b8f6e --reason 'access was granted'
      celery -A worker.app imports retry 3f2b8f6e --on-error continue
      celery -A worker.app imports retry --error access_denied --key 'incoming/*'
      celery -A worker.app imports retry --failed --yes
    """
    if bool(import_ids) == (choice is not None):
        raise click.UsageError("Name imports, or choose them by --failed, --error or --key.")
    wish = Wish(operator=operator, on_error=OnError(on_error) if on_error else None, again=again)
    with desk.ledger() as ledger:
        if choice is None:
            rows = _named(reporting.find(ledger, name) for name in import_ids)
        else:
            rows = reporting.list_imports(ledger, _widened(choice, again=again), limit=None)
    if not rows:
        desk.say("No such import failed.")
        return
    if len(rows) > 1:
        ask(f"Import {len(rows):,} files again?", yes=yes)
    _retry_all(desk, rows, wish)


def _widened(choice: Filter, *, again: bool) -> Filter:
    """Returns the choice, with what is under way where lost messages are to be made good."""
    if not again or choice.error_code is not None:
        return choice
    return dataclasses.replace(choice, statuses=(*choice.statuses, *reporting.UNDER_WAY))


def _named(rows: Iterable[Row]) -> list[Row]:
    """Returns each import once, by however many names it was called."""
    return list({row["id"]: row for row in rows}.values())


def _retry_all(desk: Desk, rows: list[Row], wish: Wish) -> None:
    answers: list[Answer] = []
    with desk.ledger() as ledger:
        for row in rows:
            answers.append(run_retry(ledger, row["id"], wish, desk.send))
            desk.say(f"{screen.short(row['id'])} {screen.place(row)}: {SAID[answers[-1]]}")
    if len(rows) > 1:
        sent = sum(answer in SENT for answer in answers)
        desk.say(f"{sent:,} of {screen.counted(len(rows), 'import')} will be done again.")
    if Answer.BUSY in answers:
        raise click.exceptions.Exit(1)


@click.command("backfill")
@click.argument("bucket")
@click.option("--prefix", default="", help="Only keys that begin like this.")
@at_the_desk
def backfill(desk: Desk, *, bucket: str, prefix: str) -> None:
    """Import what is in BUCKET and was never announced.

    Lists the bucket, downloads nothing, and queues exactly the objects that the ledger does not
    know and no rule ignores. A second run queues nothing.

    \b
    Examples:
      celery -A worker.app imports backfill movies-r-us
      celery -A worker.app imports backfill movies-r-us --prefix 2026/11/
    """
    with desk.ledger() as ledger, desk.objects() as client:
        done = run_backfill(
            ledger,
            list_bucket(client, bucket, prefix),
            desk.send,
            rules=desk.rules,
            on_error=desk.on_error,
        )
    ignored = f", {done.ignored} ignored" if done.ignored else ""
    click.echo(f"{done.listed} objects listed, {done.missed} of them queued{ignored}.")
