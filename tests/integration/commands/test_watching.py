"""imports watch, and what is asked of an operator, in a real terminal and outside of one."""

import dataclasses
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

from tests.operators import IMPORTS, Office
from tests.rig import AWS
from tests.rows import make_import
from tests.slow_files import CHUNK_RECORDS, Tap, make_file
from tests.terminal import Terminal, in_terminal
from worker.importing import Importer, Outcome


@contextmanager
def typed(office: Office, *words: str, **variables: str) -> Iterator[Terminal]:
    """Runs `celery -A worker.app imports …` as a process, in a terminal."""
    environment = {**os.environ, **AWS, **office.variables, **variables}
    with in_terminal([*IMPORTS, *words], environment) as terminal:
        yield terminal


def make_running(office: Office, key: str) -> str:
    columns = {"size": 1_000_000, "bytes_so_far": 250_000, "records_so_far": 2_500}
    return str(make_import(office.road.dsn, key=key, status="running", **columns))


def end(office: Office, made: str, status: str) -> None:
    code = "'not_json'" if status == "failed" else "NULL"
    office.execute(
        f"UPDATE imports SET status = '{status}', error_code = {code}, finished_at = now(),"
        f" read = 10000, rejected = 10000 WHERE id = '{made}'"
    )


def import_through(tap: Tap, office: Office, key: str) -> threading.Thread:
    """Begins the import of a file that comes from S3 as the tap lets it."""
    notification = office.road.upload(make_file(), key)
    office.rig.proxy.plan(tap, operation=f"GET /{office.road.bucket}/{key}")
    s3 = boto3.client("s3", endpoint_url=office.rig.proxy.url, region_name="eu-west-1")
    settings = office.road.importer.settings
    small = dataclasses.replace(settings.limits, chunk_records=CHUNK_RECORDS)
    importer = Importer(
        office.road.importer.database, s3, dataclasses.replace(settings, limits=small)
    )

    def run() -> None:
        assert importer.run(notification) is Outcome.SUCCEEDED
        s3.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def shares(terminal: Terminal) -> list[int]:
    """Returns the percentages that have been shown, without the ends."""
    found = (int(share) for share in re.findall(r"(\d+)%", terminal.text))
    return [share for share in found if 0 < share < 100]


def test_a_running_import_is_a_bar_that_moves_and_ends(office: Office) -> None:
    tap = Tap()
    running = import_through(tap, office, "films.json")
    office.wait_for_row("films.json")
    with typed(office, "watch", f"s3://{office.road.bucket}/films.json") as terminal:
        terminal.wait_for(r"films\.json .*0%")
        tap.open.set()
        terminal.wait_until(lambda: len(set(shares(terminal))) >= 3)
        tap.hurry.set()
        assert terminal.wait() == 0
    running.join()
    assert shares(terminal) == sorted(shares(terminal))
    assert "━" in terminal.text
    assert "\x1b[" in terminal.raw
    assert re.search(r"films\.json succeeded, 4,000 records read, 4,000 inserted", terminal.text)


def test_the_watching_ends_with_ctrl_c_and_the_import_goes_on(office: Office) -> None:
    make_running(office, "now.json")
    with typed(office, "watch") as terminal:
        terminal.wait_for(r"now\.json.* 25%.*2,500 records")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 130
    assert "No longer watching. The imports go on." in terminal.text
    assert "Traceback" not in terminal.text
    assert terminal.raw.rstrip().endswith("go on.")
    assert "\x1b[?25h" in terminal.raw  # the cursor is there again


def test_several_imports_are_watched_at_once_and_one_that_fails_is_told_by_the_exit_code(
    office: Office,
) -> None:
    ids = {key: make_running(office, key) for key in ("a.json", "b.json")}
    with typed(office, "watch", NO_COLOR="1") as terminal:
        terminal.wait_for(r"b\.json.* 25%")
        end(office, ids["b.json"], "failed")
        terminal.wait_for(r"b\.json failed")
        assert terminal.process.poll() is None
        end(office, ids["a.json"], "succeeded")
        assert terminal.wait() == 1
    assert not re.search(r"\x1b\[(\d+;)*3\dm", terminal.raw)  # no colour, where none is wanted


def test_without_a_terminal_there_is_a_line_for_each_change(office: Office) -> None:
    made = make_running(office, "now.json")
    threading.Timer(1.2, end, (office, made, "failed")).start()
    result = office.types("watch", made)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{made[:8]} s3://movies-r-us/now.json running, 250.0 kB, 2,500 records of 1.0 MB",
        f"{made[:8]} s3://movies-r-us/now.json failed, 10,000 records read, 10,000 rejected",
    ]


def test_what_has_ended_is_told_at_once(office: Office) -> None:
    assert office.says("watch") == "No import is queued or running.\n"
    good = make_import(office.road.dsn, key="good.json", read=2, inserted=2)
    bad = make_import(office.road.dsn, key="bad.json", status="failed", error_code="empty")
    assert "good.json succeeded, 2 records read, 2 inserted" in office.says("watch", good)
    assert office.types("watch", bad).exit_code == 1
    assert office.types("watch", "ffffffff").exit_code == 1


@pytest.mark.parametrize(("answer", "status", "code"), [("y", "queued", 0), ("n", "failed", 1)])
def test_an_operator_at_a_terminal_is_asked(
    office: Office, answer: str, status: str, code: int
) -> None:
    for key in ("a.json", "b.json"):
        assert office.road.importer.run(office.road.upload(b"x", key)) is Outcome.FAILED
    with typed(office, "retry", "--failed") as terminal:
        terminal.wait_for(r"Import 2 files again\? \[y/N\]: ")
        terminal.type(f"{answer}\n")
        assert terminal.wait() == code
    found = office.road.query("SELECT status FROM imports")
    assert [row["status"] for row in found] == [status, status]


def test_a_list_fits_the_terminal_and_has_colours(office: Office) -> None:
    make_import(office.road.dsn, key="x" * 300, status="failed", error_code="bad_records")
    with typed(office, "list") as terminal:
        assert terminal.wait() == 0
    assert max(map(len, terminal.text.splitlines())) <= 100
    assert terminal.text.count("x") >= 300  # folded, not cut
    assert "\x1b[31mfailed" in terminal.raw
