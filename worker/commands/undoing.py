"""imports undo: takes back what an import brought, after saying what that would be."""

import click

from schemas.imports import ImportStatus
from worker import reporting
from worker.actions import Operator
from worker.commands import parameters, screen
from worker.commands.desk import Desk, ask, at_the_desk
from worker.reporting import Row
from worker.undoing import NotUndoneError, Plan, Undoer, Undone, make_plan


@click.command("undo")
@click.argument("import_id", metavar="ID", type=parameters.Reference())
@parameters.operator_options
@parameters.yes_option
@at_the_desk
def undo(desk: Desk, *, import_id: str, operator: Operator, yes: bool) -> None:
    """Remove the movies that only this import brought; asks first, and says what it will do.

    A movie that other files brought too falls back to what the newest of those says: that file is
    read again. Where it is gone from the bucket, the movie stays as it is. The import is `undone`
    then, and only `imports retry ID` brings it back.

    \b
    Examples:
      celery -A worker.app imports undo 3f2b8f6e --reason 'the supplier sent last year again'
      celery -A worker.app imports undo s3://movies-r-us/movies-2010s.json --yes
    """
    with desk.ledger() as ledger:
        row = reporting.find(ledger, import_id)
        if row["status"] is ImportStatus.UNDONE:
            desk.say(f"{_named(row)} is undone already: nothing was changed.")
            return
        _refuse_what_brought_nothing(row)
        plan = make_plan(ledger, row["id"])
    _print_plan(desk, row, plan)
    ask("Undo it?", yes=yes)
    with desk.database() as database, desk.objects() as client:
        undoer = Undoer(database, client, desk.limits, desk.say)
        done = undoer.undo(row, operator)
    desk.say(_told(row, done))


def _refuse_what_brought_nothing(row: Row) -> None:
    status = row["status"]
    if status in reporting.UNDER_WAY:
        raise NotUndoneError(f"{_named(row)} is {status}: undo it when it has ended.")
    if status is not ImportStatus.SUCCEEDED:
        raise NotUndoneError(f"{_named(row)} is {status}: it brought no movie.")


def _print_plan(desk: Desk, row: Row, plan: Plan) -> None:
    desk.say(f"Undoing {_named(row)}:")
    desk.say(f"  {_movies(plan.removed)} that only it brought would be removed.")
    for other in plan.others:
        place = screen.place(other.found)
        desk.say(f"  {_movies(other.movies)} would fall back to {place}, which is read again.")
    if plan.others:
        desk.say("  Where that file is gone, its movies stay as they are.")
    if plan.kept:
        desk.say(f"  {_movies(plan.kept)} stay, with what other files say of them.")


def _told(row: Row, done: Undone) -> str:
    parts = [f"{_movies(done.removed)} removed"]
    if done.restored:
        parts.append(f"{done.restored:,} fell back to other files")
    if done.left:
        parts.append(f"{done.left:,} left as they were, for their other file is gone")
    if done.kept:
        parts.append(f"{done.kept:,} stay with what other files say")
    return f"{_named(row)} is undone: {', '.join(parts)}."


def _named(row: Row) -> str:
    return f"{screen.short(row['id'])} {screen.place(row)}"


def _movies(count: int) -> str:
    return screen.counted(count, "movie")
