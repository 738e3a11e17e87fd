"""Everything that a run has measured so far, and whether the goals are met."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Final

from bench.searching.latency import Times
from bench.searching.questions import Group
from bench.searching.rivals import Match
from bench.searching.throughput import EACH_NEW, KNOWN, ONE_PAGE, Rate

_MILLION: Final = 1_000_000

# Milliseconds over HTTP, by the share of answers that they are for.
_LIMITS: Final = {
    Group.SUBSTRING: {0.5: 15, 0.95: 80},
    Group.PAIR: {0.95: 100},
    Group.SHORT: {0.95: 30},
    Group.MISS: {0.95: 20},
    Group.OTHER: {},
}
_SLOWEST: Final = 500
_LIMIT_BEYOND: Final = 200  # of the 95th percentile, with more than a million movies
_PAGE_RATIO: Final = 0.35
_KNOWN_RATIO: Final = 0.6
_RIVAL_RATIO: Final = 200
_NAMES: Final = {0.5: "p50", 0.95: "p95", 1.0: "max"}


@dataclasses.dataclass(frozen=True)
class Goal:
    """Something that was promised, and what was measured of it."""

    what: str
    wanted: str
    measured: str
    met: bool


@dataclasses.dataclass
class Results:
    """By the number of movies, where it matters; `faults` are what could not be measured."""

    load_seconds: dict[int, float] = dataclasses.field(default_factory=dict)
    times: dict[int, list[Times]] = dataclasses.field(default_factory=dict)
    rates: list[Rate] = dataclasses.field(default_factory=list)
    matches: list[Match] = dataclasses.field(default_factory=list)
    floor_bytes: int = 0
    faults: list[str] = dataclasses.field(default_factory=list)

    def goals(self) -> list[Goal]:
        """Returns the goals that the run can tell of."""
        return [*self._time_goals(), *self._rate_goals(), *self._match_goals()]

    def _time_goals(self) -> Iterable[Goal]:
        for size, several in sorted(self.times.items()):
            yield _fault_goal(size, several)
            for group in Group:
                times = [each for each in several if each.kind.group is group]
                for share, limit in limits(size, group).items():
                    took, kind = max((each.http(share), each.kind.label) for each in times)
                    yield Goal(
                        f"{size:,} movies, {group}: {_NAMES[share]}, the slowest kind",
                        f"at most {limit} ms",
                        f"{took:.0f} ms ({kind})",
                        took <= limit,
                    )

    def _rate_goals(self) -> Iterable[Goal]:
        wanted_ratios = {
            EACH_NEW: _PAGE_RATIO,
            ONE_PAGE: _PAGE_RATIO,
            KNOWN: _KNOWN_RATIO,
        }
        for page, wanted in wanted_ratios.items():
            rates = [rate for rate in self.rates if rate.page == page]
            if rates:
                worst = min(rates, key=lambda rate: rate.ratio)
                yield Goal(
                    f"{page}, of the floor, with the worst number of connections",
                    f"at least {wanted}",
                    f"{worst.ratio:.2f} ({worst.connections})",
                    worst.ratio >= wanted,
                )

    def _match_goals(self) -> Iterable[Goal]:
        matches = [match for match in self.matches if match.rival == "Datasette" and match.counted]
        ratios: dict[str, Callable[[Match], float]] = {
            "new questions": lambda match: match.ratio,
            "the same ones again and again": lambda match: match.ratio_again,
        }
        for name, ratio in ratios.items() if matches else ():
            worst = min(matches, key=ratio)
            yield Goal(
                f"Datasette's requests a second, {name}, the worst kind",
                f"at least {_RIVAL_RATIO} times",
                f"{ratio(worst):.0f} times ({worst.kind})",
                ratio(worst) >= _RIVAL_RATIO,
            )


def limits(size: int, group: Group) -> dict[float, int]:
    """Returns how many milliseconds which share of the answers may take."""
    if size > _MILLION:
        return {0.95: _LIMIT_BEYOND}
    return {**_LIMITS[group], 1.0: _SLOWEST}


def _fault_goal(size: int, several: list[Times]) -> Goal:
    faults = [
        f"{count} x {fault} ({times.kind.label})"
        for times in several
        for fault, count in times.faults.items()
    ]
    asked = sum(len(times.timed) for times in several)
    return Goal(
        f"{size:,} movies: every answer in time, and right",
        "all",
        "; ".join(faults) or f"all of {asked:,}",
        not faults,
    )
