"""imports status: the queue, what is running, and how the last hour went. Nothing is changed."""

from typing import Any

import click
from rich.text import Text

from schemas.imports import ImportSchema
from worker import reporting
from worker.commands import parameters, screen
from worker.commands.desk import Desk, at_the_desk
from worker.dead_letters import Depth, QueueError, Queues
from worker.reporting import Overview, Row

_import = ImportSchema()


@click.command("status")
@parameters.json_option
@at_the_desk
def status(desk: Desk, *, as_json: bool) -> None:
    """Show the queue, what is running, and how the last hour went.

    Of what waits in the queue, SQS tells the number alone. The oldest that waits is therefore the
    oldest that an operator has queued; an announcement that no worker has begun is not among them.

    \b
    Examples:
      celery -A worker.app imports status
      watch -n 5 celery -A worker.app imports status
      celery -A worker.app imports status --json
    """
    with desk.ledger() as ledger:
        overview = reporting.look_over(ledger)
    with desk.queues() as queues:
        depth, dead = queues.depth(), _dead_or_none(queues)
    if as_json:
        screen.print_json(_status(overview, depth, dead))
        return
    desk.console.print(screen.make_facts(_counts(overview, depth, dead)))
    _print_running(desk, overview.running)


def _dead_or_none(queues: Queues) -> int | None:
    try:
        return queues.dead_depth().total
    except QueueError:
        return None


def _status(overview: Overview, depth: Depth, dead: int | None) -> dict[str, Any]:
    oldest = overview.oldest_queued
    return {
        "queue": {
            "waiting": depth.waiting,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "dead": dead,
        },
        "queued": overview.queued,
        "oldest_queued": _import.dump(oldest) if oldest else None,
        "running": [
            {**_import.dump(row), "records_per_second": round(_rate(row), 1)}
            for row in overview.running
        ],
        "last_hour": {
            row["status"]: {name: int(row[name]) for name in row if name != "status"}
            for row in overview.last_hour
        },
    }


def _counts(overview: Overview, depth: Depth, dead: int | None) -> list[tuple[str, Any]]:
    oldest = overview.oldest_queued
    hour = [
        f"{row['imports']:,} {row['status']} ({row['inserted']:,} movies inserted,"
        f" {row['updated']:,} updated, {row['rejected']:,} records rejected)"
        for row in overview.last_hour
    ]
    letters = "this queue has none" if dead is None else screen.number(dead)
    queued = f"{screen.number(overview.queued)} by operators"
    if oldest:
        queued += f", the oldest {screen.ago(oldest['started_at'])}: {screen.place(oldest)}"
    return [
        ("waiting", f"{depth.waiting + depth.delayed:,} messages, about"),
        ("in flight", f"{depth.in_flight:,} messages, about"),
        ("dead letters", Text(letters, style="red" if dead else "")),
        ("queued", queued),
        ("running", screen.number(len(overview.running))),
        ("last hour", "; ".join(hour) or "nothing ended"),
    ]


def _print_running(desk: Desk, running: list[Row]) -> None:
    if not running:
        return
    table = screen.make_table("ID", "BEGUN", "RECORDS", "A SECOND", "READ", "FILE")
    for row in running:
        share = f" of {screen.size(row['size'])}" if row["size"] else ""
        screen.add_row(
            table,
            screen.short(row["id"]),
            screen.ago(row["started_at"]),
            screen.number(row["records_so_far"]),
            f"{_rate(row):,.0f}",
            f"{screen.size(row['bytes_so_far'])}{share}",
            screen.place(row),
        )
    desk.console.print(table)


def _rate(row: Row) -> float:
    """Records a second since it was begun: an average, and behind by what was not reported yet."""
    return float(row["records_so_far"] / max(0.001, row["seconds"]))
