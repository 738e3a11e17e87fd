"""An import as the pages show it, and how numbers are written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.pages import figures
from api.pages.entries import OUTCOMES, Entry, seconds_to_wait
from schemas.imports import ImportStatus

NOW = datetime(2026, 11, 24, 8, 0, 10, tzinfo=UTC)
STARTED = NOW - timedelta(seconds=10)


def make_entry(**fields: Any) -> Entry:
    row = {
        "status": ImportStatus.RUNNING,
        "started_at": STARTED,
        "finished_at": None,
        "size": 1000,
        "bytes_so_far": 250,
        "records_so_far": 400,
        **dict.fromkeys(OUTCOMES, 0),
    }
    return Entry.of(row | fields, NOW)


def test_a_running_import_tells_how_far_it_is_and_how_long_it_may_take() -> None:
    progress = make_entry().progress
    assert progress is not None
    assert (progress.share, progress.per_second, progress.left) == (
        0.25,
        40,
        timedelta(seconds=30),
    )


@pytest.mark.parametrize("fields", [{"size": None}, {"bytes_so_far": 0}, {"size": 0}])
def test_where_nothing_can_be_known_nothing_is_said(fields: dict[str, Any]) -> None:
    progress = make_entry(**fields).progress
    assert progress is not None
    assert progress.left is None
    assert progress.share in (None, 0)


def test_a_file_that_grew_is_not_more_than_read() -> None:
    progress = make_entry(bytes_so_far=2000).progress
    assert progress is not None
    assert (progress.share, progress.left) == (1, None)


def test_an_import_that_ended_has_a_duration_and_no_progress() -> None:
    entry = make_entry(
        status=ImportStatus.SUCCEEDED, finished_at=STARTED + timedelta(seconds=3), inserted=5
    )
    assert (entry.took, entry.progress) == (timedelta(seconds=3), None)
    assert entry.outcomes[0] == ("New", 5)


def test_one_that_waits_has_neither() -> None:
    entry = make_entry(status=ImportStatus.QUEUED)
    assert (entry.took, entry.progress) == (None, None)


def test_a_page_looks_again_as_long_as_something_is_under_way() -> None:
    ended = make_entry(status=ImportStatus.FAILED, finished_at=NOW)
    queued, running = make_entry(status=ImportStatus.QUEUED), make_entry()
    assert seconds_to_wait([]) is None
    assert seconds_to_wait([ended]) is None
    assert seconds_to_wait([ended, queued]) == 5
    assert seconds_to_wait([queued, running, ended]) == 1
    assert seconds_to_wait([ended], idle=5) == 5
    assert seconds_to_wait([ended, running], idle=5) == 1


def test_numbers_are_written_for_people() -> None:
    assert figures.count(12345) == "12,345"
    assert figures.counted(1, "film") == "1 film"
    assert figures.counted(0, "film") == "0 films"
    assert [figures.size(n) for n in (0, 999, 1000, 2_453_005, 20 * 10**9)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "2.5 MB",
        "20.0 GB",
    ]
    lengths = [-1, 0.84, 12.2, 59.7, 200, 7500]
    assert [figures.duration(timedelta(seconds=n)) for n in lengths] == [
        "0.0 s",
        "0.8 s",
        "12 s",
        "1 min 00 s",
        "3 min 20 s",
        "2 h 05 min",
    ]
    assert figures.moment(NOW) == "24 Nov 2026, 08:00:10"
