"""imports validate: what an import of a file would say, without one."""

import contextlib
import dataclasses
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from schemas.imports import OnError
from schemas.notification import Notification
from worker.checking import Report, check, refuse
from worker.commands import parameters, screen
from worker.commands.desk import Desk, at_the_desk
from worker.commands.looking import print_bad_records
from worker.commands.parameters import Address
from worker.errors import PermanentError
from worker.objects import buffered, open_object


@click.command("validate")
@click.argument("file", metavar="FILE|s3://BUCKET/KEY|-", type=click.Path(allow_dash=True))
@parameters.on_error_option
@parameters.json_option
@at_the_desk
def validate(desk: Desk, *, file: str, on_error: str | None, as_json: bool) -> None:
    """Say what an import of FILE would say, and write nothing.

    FILE is on this machine, in S3, or standard input (-). It is read as an import reads it, by the
    same limits; a file here needs neither database nor queue. Exit code 0 when nothing is wrong
    with it, 1 when it would be refused, or a record of it.

    \b
    Examples:
      celery -A worker.app imports validate movies.json
      celery -A worker.app imports validate s3://movies-r-us/movies.json.gz --on-error continue
      curl -s https://example.com/movies.json | celery -A worker.app imports validate - --json
    """
    wanted = OnError(on_error) if on_error else None
    address = parameters.address_of(file)
    if address:
        report = _check_object(desk, address, wanted)
    else:
        policy = wanted or desk.on_error
        with _opened(file) as (stream, size):
            report = check(stream, size, on_error=policy, limits=desk.limits)
    if as_json:
        screen.print_json(_for_json(report))
    else:
        _print(desk, file, report)
    if not report.good:
        raise click.exceptions.Exit(1)


def _check_object(desk: Desk, address: Address, wanted: OnError | None) -> Report:
    """Checks an object by what its rule says, and says on standard error if that ignores it."""
    bucket, key = address.bucket, address.key
    policy = wanted or desk.rules.decide(bucket, key).on_error or desk.on_error
    latest = Notification(id=uuid.uuid4(), bucket=bucket, key=key)
    try:
        with desk.objects() as client, open_object(client, latest) as opened:
            size = opened.version.size
            decision = desk.rules.decide(bucket, key, size=size)
            if decision.ignored:
                click.echo(f"No import reads this object: ignored, {decision.reason}.", err=True)
            return check(buffered(opened), size, on_error=policy, limits=desk.limits)
    except PermanentError as error:
        return refuse(error, on_error=policy)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[tuple[Any, int]]:
    """Opens a file and tells its size; standard input is kept in a file, to know its size too."""
    try:
        if file == "-":
            with tempfile.TemporaryFile() as kept:
                shutil.copyfileobj(sys.stdin.buffer, kept)
                size = kept.tell()
                kept.seek(0)
                yield kept, size
        else:
            with Path(file).open("rb") as stream:
                yield stream, Path(file).stat().st_size
    except OSError as error:
        name = click.format_filename(file)
        raise click.ClickException(f"{name}: {error.strerror or error}") from error


def _for_json(report: Report) -> dict[str, Any]:
    faults = [
        {
            "position": bad.position,
            "faults": [{"field": at, "message": text} for at, text in bad.faults],
            "raw": bad.raw,
        }
        for bad in report.faults
    ]
    return {**dataclasses.asdict(report), "faults": faults}


def _print(desk: Desk, file: str, report: Report) -> None:
    shown = _for_json(report)
    if shown["faults"]:
        print_bad_records(desk, shown["faults"])
        if report.bad_records > len(report.faults):
            rest = report.bad_records - len(report.faults)
            desk.say(f"{rest:,} more records are bad.")
    ignored = ", ".join(f"{name} ({times:,})" for name, times in report.ignored_fields.items())
    desk.console.print(
        screen.make_facts(
            [
                ("file", click.format_filename(file)),
                ("import would be", _verdict(report)),
                ("why", report.error),
                ("code", report.error_code),
                ("records", _counts(report)),
                ("ignored", ignored),
            ]
        )
    )


def _verdict(report: Report) -> Text:
    return Text(report.status.value, style=screen.STYLES[report.status])


def _counts(report: Report) -> str:
    parts = (
        screen.counted(report.read, "record") + " read",
        screen.counted(report.movies, "movie"),
        f"{report.repeated:,} repeated" if report.repeated else "",
        f"{report.rejected:,} rejected" if report.rejected else "",
        f"{report.bad_records:,} bad" if report.bad_records else "",
    )
    return ", ".join(part for part in parts if part)
