"""imports forget-errors: deletes the invalid records that are kept of an import."""

import click

from worker import reporting
from worker.actions import Operator
from worker.commands import parameters, screen
from worker.commands.desk import Desk, ask, at_the_desk
from worker.forgetting import count, forget


@click.command("forget-errors")
@click.argument("import_id", metavar="ID", type=parameters.Reference())
@parameters.json_option
@parameters.operator_options
@parameters.yes_option
@at_the_desk
def forget_errors(
    desk: Desk, *, import_id: str, as_json: bool, operator: Operator, yes: bool
) -> None:
    """Delete the invalid records that are kept of an import: text, messages and positions.

    For a file that should never have come, such as one with personal data. Asks for confirmation.
    The import keeps its counts, and records who did this and why.

    \b
    Examples:
      celery -A worker.app imports forget-errors 3f2b8f6e --reason 'an export of customers'
      celery -A worker.app imports forget-errors s3://movies-r-us/customers.json --yes
    """
    with desk.ledger() as ledger:
        row = reporting.find(ledger, import_id)
        kept = count(ledger, row)
        ledger.rollback()  # nobody is to wait for us while we wait for an answer
        if kept:
            ask(f"Delete {screen.counted(kept, 'invalid record')} of {_named(row)}?", yes=yes)
            kept = forget(ledger, row, operator)
    if as_json:
        screen.print_json({"id": row["id"], "deleted": kept})
    elif kept:
        desk.say(f"{_named(row)}: {screen.counted(kept, 'invalid record')} deleted.")
    else:
        desk.say(f"{_named(row)} has no invalid records: nothing was changed.")


def _named(row: reporting.Row) -> str:
    return f"{screen.short(row['id'])} {screen.place(row)}"
