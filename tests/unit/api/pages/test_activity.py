"""The plots of the last day."""

from datetime import UTC, datetime, timedelta

from api.pages.activity import HOURS, draw, first_hour
from api.queries import Activity
from schemas.imports import ImportStatus

NOW = datetime(2026, 11, 24, 8, 40, 12, tzinfo=UTC)


def test_the_day_ends_with_the_present_hour() -> None:
    assert first_hour(NOW) == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    plot = draw([], first_hour(NOW))
    assert len(plot.hours) == HOURS
    assert plot.hours[-1].label == "08:00"
    assert [hour.label for hour in plot.labelled] == ["09:00", "15:00", "21:00", "03:00"]


def test_hours_without_imports_have_no_rectangle() -> None:
    plot = draw([], first_hour(NOW))
    assert (plot.imports, plot.records, plot.total.imports) == ([], [], 0)


def test_failures_stand_on_top_of_what_succeeded_and_the_highest_reaches_the_top() -> None:
    since = first_hour(NOW)
    hour = since + timedelta(hours=5)
    plot = draw(
        [
            Activity(hour, ImportStatus.SUCCEEDED, 3, 900),
            Activity(hour, ImportStatus.FAILED, 1, 100),
            Activity(since, ImportStatus.RUNNING, 2, 0),
        ],
        since,
    )
    assert (plot.total.imports, plot.total.failed, plot.total.records) == (6, 1, 1000)
    assert plot.busiest.label == plot.richest.label == "14:00"
    early, succeeded, failed = plot.imports
    assert (early.y, early.height) == (50, 50)
    assert (succeeded.y, succeeded.height, succeeded.failed) == (25, 75, False)
    assert (failed.y, failed.height, failed.failed) == (0, 25, True)
    assert [(int(rect.x), rect.y, rect.height) for rect in plot.records] == [(5, 0, 100)]
