"""What the worker's processes tell of their work: in one piece each, and never waited for."""

import itertools
import os
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from schemas.imports import ErrorCode
from worker import observe
from worker.importing import Outcome
from worker.ledger import Details
from worker.metrics import Meters
from worker.observe import Pipe, Report, Result

LARGEST = Report(
    Result.PROCESS_LOST,
    Outcome.SUPERSEDED,
    max(ErrorCode, key=len),
    dict.fromkeys(("inserted", "updated", "unchanged", "stale", "repeated", "rejected"), 2**63),
    dict.fromkeys(("fetch", "validate", "store"), 123456.789),
    2**63,
    1e9 / 3,
)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    monkeypatch.setattr(observe, "_pipes", [])
    return observe.open_pipe()


def told(pipe: Pipe, number: int) -> list[Report]:
    return list(itertools.islice(pipe.reports(), number))


def test_the_largest_report_arrives_as_it_was_sent_and_in_one_piece(pipe: Pipe) -> None:
    assert len(LARGEST.encode()) < os.pathconf("/", "PC_PIPE_BUF") / 2
    pipe.tell(LARGEST)
    assert told(pipe, 1) == [LARGEST]


def test_what_children_tell_reaches_the_process_that_forked_them(pipe: Pipe) -> None:
    child = os.fork()
    if child == 0:
        observe.tell(Result.PUT_OFF)
        os._exit(0)
    os.waitpid(child, 0)
    assert told(pipe, 1) == [Report(Result.PUT_OFF)]


def test_a_full_pipe_holds_nobody_up(pipe: Pipe) -> None:
    for _ in range(10_000):
        observe.tell(Result.DONE)
    assert told(pipe, 1000) == [Report(Result.DONE)] * 1000


def test_without_a_pipe_nothing_is_told() -> None:
    observe.tell(Result.DONE)
    observe.tell_given_up()
    observe.tell_import(Outcome.KNOWN)


def test_an_import_is_counted_with_its_records_stages_and_the_time_it_took(pipe: Pipe) -> None:
    event = datetime.now(UTC) - timedelta(seconds=7)
    details = Details(bytes_read=500, timings={"fetch": 0.1, "validate": 0.2, "store": 0.3})
    records = {"inserted": 3, "rejected": 1}
    observe.tell_import(Outcome.SUCCEEDED, details, records, since=event)
    observe.tell_import(
        Outcome.FAILED, Details(), {"rejected": 2}, error_code=ErrorCode.BAD_RECORDS
    )
    observe.tell_given_up()
    registry = CollectorRegistry()
    meters = Meters(registry)
    for report in told(pipe, 3):
        meters.count(report)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("mru_messages_total", result="done") == 2
    assert value("mru_messages_total", result="given_up") == 1
    assert value("mru_imports_total", outcome="succeeded", error_code="") == 1
    assert value("mru_imports_total", outcome="failed", error_code="bad_records") == 1
    assert value("mru_imports_total", outcome="failed", error_code="gave_up") == 1
    assert value("mru_imports_total", outcome="failed", error_code="not_json") == 0
    assert value("mru_import_records_total", outcome="inserted") == 3
    assert value("mru_import_records_total", outcome="rejected") == 3
    assert value("mru_import_read_bytes_total") == 500
    assert value("mru_import_stage_duration_seconds_sum", stage="store") == 0.3
    assert value("mru_import_event_to_commit_seconds_bucket", le="5.0") == 0
    assert value("mru_import_event_to_commit_seconds_bucket", le="10.0") == 1
    assert value("mru_import_event_to_commit_seconds_count") == 1


def test_a_clock_that_is_behind_s3s_does_not_count_backwards(pipe: Pipe) -> None:
    observe.tell_import(Outcome.SUCCEEDED, since=datetime.now(UTC) + timedelta(hours=1))
    (report,) = told(pipe, 1)
    assert report.waited == 0
