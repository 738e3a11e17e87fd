"""The last day of imports as two plots, hour by hour: how many there were, and the records read."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from api.queries import Activity
from schemas.imports import ImportStatus

HOURS: Final = 24
_LABELLED: Final = 6


@dataclasses.dataclass(frozen=True)
class Hour:
    """What was begun within an hour."""

    start: datetime
    imports: int
    failed: int
    records: int

    @property
    def label(self) -> str:
        """When it began: 08:00."""
        return f"{self.start:%H:%M}"


@dataclasses.dataclass(frozen=True)
class Rect:
    """A rectangle of a plot that is as wide as there are hours, and 100 high."""

    x: float
    y: float
    height: float
    failed: bool = False


@dataclasses.dataclass(frozen=True)
class Plot:
    """The hours, and the rectangles that show them."""

    hours: list[Hour]
    imports: list[Rect]
    records: list[Rect]

    @property
    def total(self) -> Hour:
        """All the hours together."""
        return Hour(
            self.hours[0].start,
            sum(hour.imports for hour in self.hours),
            sum(hour.failed for hour in self.hours),
            sum(hour.records for hour in self.hours),
        )

    @property
    def busiest(self) -> Hour:
        """The hour with the most imports."""
        return max(self.hours, key=lambda hour: hour.imports)

    @property
    def richest(self) -> Hour:
        """The hour with the most records."""
        return max(self.hours, key=lambda hour: hour.records)

    @property
    def labelled(self) -> list[Hour]:
        """Every sixth hour."""
        return self.hours[::_LABELLED]


def first_hour(now: datetime) -> datetime:
    """Returns the beginning of the day that ends with the present hour."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def draw(counted: Sequence[Activity], since: datetime) -> Plot:
    """Makes the plots of a day."""
    hours = [_hour(counted, since + timedelta(hours=number)) for number in range(HOURS)]
    imports = max(1, *(hour.imports for hour in hours))
    records = max(1, *(hour.records for hour in hours))
    bars: list[Rect] = []
    for at, hour in enumerate(hours):
        bars += _rect(at, 0, hour.imports - hour.failed, imports)
        bars += _rect(at, hour.imports - hour.failed, hour.failed, imports, failed=True)
    return Plot(
        hours,
        bars,
        [rect for at, hour in enumerate(hours) for rect in _rect(at, 0, hour.records, records)],
    )


def _hour(counted: Sequence[Activity], start: datetime) -> Hour:
    mine = [each for each in counted if each.hour == start]
    failed = [each for each in mine if each.status is ImportStatus.FAILED]
    return Hour(
        start,
        sum(each.imports for each in mine),
        sum(each.imports for each in failed),
        sum(each.records for each in mine),
    )


def _rect(at: int, below: int, amount: int, highest: int, *, failed: bool = False) -> list[Rect]:
    if not amount:
        return []
    height = 100 * amount / highest
    top = 100 - 100 * below / highest - height
    return [Rect(at + 0.08, round(top, 2), round(height, 2), failed)]
