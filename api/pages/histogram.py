"""The films found over the years: a bar for each decade, or for each year where they are few."""

import dataclasses
from collections.abc import Sequence

from api.pages.question import Question

_YEARS_SHOWN = 24  # more are shown by decade


@dataclasses.dataclass(frozen=True)
class Bar:
    """Some years, how many films they have, and the question that leads to just these."""

    label: str
    first: int
    last: int
    count: int
    percent: float  # of the highest bar
    question: Question


def draw(
    years: Sequence[tuple[int, int]], question: Question, *, earliest: int, latest: int
) -> list[Bar]:
    """Makes the bars, the oldest first and none left out; none at all for a single year.

    No bar leads out of the years from `earliest` to `latest`, which the question is about.
    """
    if len(years) < 2:
        return []
    first, last = min(years)[0], max(years)[0]
    step = 1 if last - first < _YEARS_SHOWN else 10
    counts = dict.fromkeys(range(first - first % step, last + 1, step), 0)
    for year, count in years:
        counts[year - year % step] += count
    highest = max(counts.values())
    bars: list[Bar] = []
    for start, count in counts.items():
        begin, end = max(start, earliest), min(start + step - 1, latest)
        narrower = question.without("year").setting(year_from=str(begin), year_to=str(end))
        label = str(start) if step == 1 else f"{start}s"
        bars.append(Bar(label, begin, end, count, round(100 * count / highest, 2), narrower))
    return bars
