"""imports list, show, errors: what became of the files. Nothing is changed."""

import re
from datetime import datetime
from typing import Any, Final

import click
from rich.text import Text

from schemas.imports import ErrorCode, ImportSchema, ImportStatus, ImportWithActionsSchema
from worker import reporting
from worker.commands import parameters, screen
from worker.commands.desk import Desk, at_the_desk
from worker.reporting import Filter, Row

_LINE_ENDS: Final = re.compile(r"[ \t]*[\r\n]\s*")

_import = ImportSchema()
_whole = ImportWithActionsSchema()


@click.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=parameters.enumerated(ImportStatus),
    help="Only these; may be repeated.",
)
@click.option("--failed", is_flag=True, help="The same as --status failed.")
@parameters.key_option
@click.option(
    "--since", type=parameters.Since(), help="Begun since then: 30m, 2h, 1d, 2026-11-24T08:00."
)
@parameters.error_option
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="So many."
)
@parameters.json_option
@at_the_desk
def list_imports(
    desk: Desk,
    *,
    statuses: tuple[str, ...],
    failed: bool,
    key: str | None,
    since: datetime | None,
    error_code: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List imports, those that were begun last first.

    With --json, one import a line, as the API shows it.

    \b
    Examples:
      celery -A worker.app imports list
      celery -A worker.app imports list --failed --since 2h
      celery -A worker.app imports list --key 'incoming/*.json' --error bad_records
      celery -A worker.app imports list --status running --json
    """
    named = [ImportStatus(status) for status in statuses]
    wanted = Filter(
        statuses=tuple(named + [ImportStatus.FAILED] * failed),
        key=key,
        since=since,
        error_code=ErrorCode(error_code) if error_code else None,
    )
    with desk.ledger() as ledger:
        rows = reporting.list_imports(ledger, wanted, limit=limit + 1)
    more = len(rows) > limit
    if as_json:
        for row in rows[:limit]:
            screen.print_json(_import.dump(row))
        return
    _print_list(desk, rows[:limit])
    if more:
        desk.say(f"There are more than these {limit}: say --limit, or narrow it down.")


def _print_list(desk: Desk, rows: list[Row]) -> None:
    table = screen.make_table(
        "ID", "STATUS", "BEGUN", "READ", "BAD", "FILE", "WHY", right=("READ", "BAD")
    )
    for row in rows:
        done = row["status"] not in reporting.UNDER_WAY
        screen.add_row(
            table,
            screen.short(row["id"]),
            screen.told_status(row["status"]),
            screen.ago(row["started_at"]),
            screen.number(row["read"] if done else row["records_so_far"]),
            screen.number(row["bad_records"]) if row["bad_records"] else "",
            screen.place(row),
            row["error_code"].value if row["error_code"] else "",
        )
    screen.print_table(desk.console, table, nothing="There are no such imports.")


@click.command("show")
@click.argument("import_id", metavar="ID", type=parameters.Reference())
@parameters.json_option
@at_the_desk
def show(desk: Desk, *, import_id: str, as_json: bool) -> None:
    """Show one import: ID is its id, the beginning of it, or s3://bucket/key.

    Of a bucket and a key it is the newest import. With --json, what `GET /imports/{id}`
    shows: what operators did to it stands in `actions`.

    \b
    Examples:
      celery -A worker.app imports show 3f2b8f6e
      celery -A worker.app imports show s3://movies-r-us/movies-2010s.json
      celery -A worker.app imports show 3f2b8f6e --json
    """
    with desk.ledger() as ledger:
        row = reporting.find(ledger, import_id)
        actions = reporting.list_actions(ledger, row["id"])
    if as_json:
        screen.print_json(_whole.dump({**row, "actions": actions}))
        return
    desk.console.print(screen.make_facts(_facts(row) + _done(actions)))
    if row["bad_records"]:
        short = screen.short(row["id"])
        desk.say(f"The bad records: celery -A worker.app imports errors {short}")


def _facts(row: Row) -> list[tuple[str, Any]]:
    ended = row["status"] not in reporting.UNDER_WAY
    so_far = f"{row['records_so_far']:,} records, {screen.size(row['bytes_so_far'])} so far"
    seconds = ", ".join(f"{stage} {taken:.3g} s" for stage, taken in row["timings"].items())
    ignored = ", ".join(f"{name} ({times:,})" for name, times in row["ignored_fields"].items())
    return [
        ("id", row["id"]),
        ("file", screen.place(row)),
        ("status", screen.told_status(row["status"])),
        ("why", row["error"]),
        ("code", row["error_code"]),
        ("records", screen.counts(row) if ended else so_far),
        ("bad", screen.number(row["bad_records"]) if row["bad_records"] else None),
        ("ignored", ignored),
        ("size", screen.size(row["size"]) if row["size"] is not None else None),
        ("version", row["version_id"]),
        ("etag", row["etag"]),
        ("modified", screen.moment_of(row["last_modified"])),
        ("event", screen.moment_of(row["event_time"])),
        ("first seen", screen.moment_of(row["first_seen_at"])),
        ("begun", screen.moment_of(row["started_at"])),
        ("ended", screen.moment_of(row["finished_at"])),
        ("took", seconds),
        ("attempts", row["attempts"]),
        ("on error", row["on_error"]),
        ("request", row["request_id"]),
    ]


def _done(actions: list[Row]) -> list[tuple[str, Any]]:
    return [
        (
            action["action"].value,
            f"{screen.moment_of(action['at'])} by {action['actor']}"
            + (f": {action['reason']}" if action["reason"] else ""),
        )
        for action in actions
    ]


@click.command("errors")
@click.argument("import_id", metavar="ID", type=parameters.Reference())
@parameters.json_option
@at_the_desk
def errors(desk: Desk, *, import_id: str, as_json: bool) -> None:
    """List the bad records of an import: where, what is wrong, and the record itself.

    A bounded number of them is kept (MRU_MAX_LISTED_ERRORS); how many there were is said on
    standard error. With --json, one record a line, as the API shows it.

    \b
    Examples:
      celery -A worker.app imports errors 3f2b8f6e
      celery -A worker.app imports errors s3://movies-r-us/bad.json --json
    """
    with desk.ledger() as ledger:
        row = reporting.find(ledger, import_id)
        bad = reporting.list_bad_records(ledger, row["id"])
    if as_json:
        for record in bad:
            screen.print_json(record)
    else:
        print_bad_records(desk, bad)
        if row["error"]:
            desk.say(f"{row['error_code'] or row['status']}: {row['error']}")
    if row["bad_records"] > len(bad):
        rest = row["bad_records"] - len(bad)
        click.echo(f"{rest:,} more bad records were counted, and not kept.", err=True)


def _joined(record: Row) -> str:
    """Returns a record's text on one line: where a line ends in JSON, a space does as well."""
    return _LINE_ENDS.sub(" ", record["raw"])


def print_bad_records(desk: Desk, bad: list[Row]) -> None:
    """Prints bad records, one fault a row."""
    table = screen.make_table("RECORD", "FIELD", "MESSAGE", "AS IT STOOD", right=("RECORD",))
    for record in bad:
        position, raw = screen.number(record["position"]), screen.plain(_joined(record), "dim")
        for fault in record["faults"]:
            screen.add_row(table, position, fault["field"] or "(all)", fault["message"], raw)
            position, raw = "", Text()
    screen.print_table(desk.console, table, nothing="No record is bad.")
