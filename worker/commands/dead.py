"""imports dead, redrive: dead letters with their imports, and the way back to the queue."""

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any, Final

import click
import sqlalchemy as sa

from schemas.imports import ActionKind, ImportSchema
from worker import actions, reporting
from worker.actions import Operator
from worker.commands import parameters, screen
from worker.commands.asking import SAID, SENT
from worker.commands.desk import Desk, ask, at_the_desk
from worker.dead_letters import DeadLetter, Queues
from worker.reporting import Row
from worker.retrying import Answer, Wish, retry

_MOST: Final = 100_000
_DONE: Final = (Answer.SUCCEEDED, Answer.SUPERSEDED, Answer.UNDONE)

_import = ImportSchema()


@click.command("dead")
@click.option(
    "--limit", type=click.IntRange(1, _MOST), default=100, show_default=True, help="So many."
)
@parameters.json_option
@at_the_desk
def dead(desk: Desk, *, limit: int, as_json: bool) -> None:
    """List dead letters, each with its import: what was tried in vain as often as it may be.

    Looking at a dead letter hides it for a moment from others who look, and nothing else. One that
    announces no import is named by the id of its message. With --json, one a line.

    \b
    Examples:
      celery -A worker.app imports dead
      celery -A worker.app imports dead --json
    """
    with desk.queues() as queues, queues.dead_letters(limit=limit) as lent:
        letters = list(lent)
    with desk.ledger() as ledger:
        known = reporting.get_announced(ledger, _ids(letters))
    if as_json:
        for letter in letters:
            screen.print_json(_for_json(letter, _known(letter, known)))
        return
    table = screen.make_table(
        "ID", "SENT", "RECEIVES", "STATUS", "FILE", "WHY", right=("RECEIVES",)
    )
    for letter in letters:
        row = _known(letter, known)
        screen.add_row(
            table,
            _name(letter),
            screen.ago(letter.sent_at),
            letter.receives,
            screen.told_status(row["status"]) if row else "",
            screen.place(dataclasses.asdict(letter.notification)) if letter.notification else "",
            letter.fault or (row["error"] if row else "The ledger does not know it.") or "",
        )
    screen.print_table(desk.console, table, nothing="There are no dead letters.")
    if len(letters) == limit:
        desk.say(f"There may be more than these {limit}: say --limit.")


@click.command("redrive")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that announce an import.")
@parameters.operator_options
@parameters.yes_option
@at_the_desk
def redrive(
    desk: Desk, *, ids: tuple[str, ...], everything: bool, operator: Operator, yes: bool
) -> None:
    """Put dead letters back into the queue, and their imports back to the beginning.

    ID is as `imports dead` lists it, or the beginning of it. Asks before --all. A letter is sent
    first and deleted then, so that none is lost; sent twice, it is imported once. One whose import
    is done meanwhile is deleted. What announces no import is only sent when it is named.

    \b
    Examples:
      celery -A worker.app imports redrive 3f2b8f6e --reason 'the database is back'
      celery -A worker.app imports redrive --all --yes
    """
    if bool(ids) == everything:
        raise click.UsageError("Name dead letters as `imports dead` does, or say --all.")
    if everything:
        ask("Put all dead letters back into the queue?", yes=yes)
    with desk.queues() as queues, desk.ledger() as ledger:
        road = _Road(queues, ledger, Wish(operator=operator, kind=ActionKind.REDRIVE, again=True))
        missed = _redrive(road, ids, desk.say)
    for name in missed:
        click.echo(f"No dead letter is named {name}.", err=True)
    if missed or road.left:
        raise click.exceptions.Exit(1)


@dataclasses.dataclass
class _Road:
    """The way of dead letters back to the queue, and how many went it."""

    queues: Queues
    ledger: sa.Connection
    wish: Wish
    sent: int = 0
    left: int = 0

    def take(self, letter: DeadLetter) -> str:
        """Puts one letter back, or says why not."""
        known = self._known(letter)
        if known is None:
            return self._send_unknown(letter)
        answer = retry(self.ledger, known["id"], self.wish, lambda _: self.queues.put_back(letter))
        if answer in SENT:
            self.sent += 1
            self.queues.delete(letter)
            return "back in the queue."
        if answer in _DONE:
            self.queues.delete(letter)
            return f"{answer.value} meanwhile: the dead letter was deleted."
        self.left += 1
        return SAID[answer]

    def _known(self, letter: DeadLetter) -> Row | None:
        known = _known(letter, reporting.get_announced(self.ledger, _ids([letter])))
        self.ledger.rollback()
        return known

    def _send_unknown(self, letter: DeadLetter) -> str:
        self.queues.put_back(letter)
        if letter.notification:
            operator = self.wish.operator
            actions.record(self.ledger, letter.notification.id, ActionKind.REDRIVE, operator)
            self.ledger.commit()
        self.queues.delete(letter)
        self.sent += 1
        return "back in the queue."


def _redrive(road: _Road, ids: tuple[str, ...], say: Callable[[str], None]) -> list[str]:
    """Puts back what is named, or all that announce an import. Returns names of no letter."""
    missed = list(ids)
    unread = 0
    with road.queues.dead_letters(limit=_MOST) as letters:
        for letter in letters:
            names = [name for name in ids if _is_named(letter, name)]
            missed = [name for name in missed if name not in names]
            if names or (not ids and letter.notification):
                say(f"{_name(letter)}: {road.take(letter)}")
            elif not ids:
                unread += 1
            if ids and not missed:
                break
    say(f"{screen.counted(road.sent, 'dead letter')} put back.")
    if unread:
        say(f"Left there, because they announce no import: {unread:,}.")
    return missed


def _is_named(letter: DeadLetter, name: str) -> bool:
    wanted = name.lower()
    return len(wanted) >= 4 and any(
        str(own).startswith(wanted)
        for own in (letter.message_id, letter.notification and letter.notification.id)
        if own
    )


def _name(letter: DeadLetter) -> str:
    return screen.short(letter.notification.id) if letter.notification else letter.message_id


def _ids(letters: list[DeadLetter]) -> list[uuid.UUID]:
    return [letter.notification.id for letter in letters if letter.notification]


def _known(letter: DeadLetter, known: dict[uuid.UUID, Row]) -> Row | None:
    return known.get(letter.notification.id) if letter.notification else None


def _for_json(letter: DeadLetter, row: Row | None) -> dict[str, Any]:
    notification = letter.notification
    return {
        "message_id": letter.message_id,
        "import_id": notification.id if notification else None,
        "bucket": notification.bucket if notification else None,
        "key": notification.key if notification else None,
        "receives": letter.receives,
        "sent_at": letter.sent_at,
        "fault": letter.fault,
        "import": _import.dump(row) if row else None,
    }
