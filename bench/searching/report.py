"""Writes what was measured as Markdown: a chapter of bench/RESULTS.md, never written by hand."""

from collections.abc import Iterable, Sequence
from typing import Final

from bench.markdown import list_facts, list_faults, table
from bench.results import Facts
from bench.searching import against_datasette
from bench.searching.latency import Times
from bench.searching.questions import ORDINARY
from bench.searching.results import Results, limits
from bench.searching.rivals import Match
from bench.searching.throughput import TURNS, Rate

HEADING: Final = "# How fast searches are"
_INTRODUCTION: Final = (
    "Written by `make bench-search`; [README.md](README.md) says what each figure is, and what it"
    " cannot say."
)
_SHARES: Final = (0.5, 0.95, 1.0)


def write_report(facts: Facts, results: Results) -> str:
    """Returns the whole chapter."""
    parts = [
        HEADING,
        _INTRODUCTION,
        _facts(facts, results),
        *_goals(results),
        *_times(results),
        *_rates(results),
        *_matches(results),
        *list_faults(results.faults),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(facts: Facts, results: Results) -> str:
    loaded = ", ".join(
        f"{size:,} movies in {seconds:.0f} s" for size, seconds in results.load_seconds.items()
    )
    return list_facts(facts.described() | {"Loaded, indexes included": loaded or "before"})


def _goals(results: Results) -> Iterable[str]:
    goals = results.goals()
    if not goals:
        return
    yield "## The goals"
    yield table(
        ("goal", "wanted", "measured", "met"),
        [(goal.what, goal.wanted, goal.measured, _yes(goal.met)) for goal in goals],
    )


def _times(results: Results) -> Iterable[str]:
    for size, several in sorted(results.times.items()):
        yield f"## One search, {size:,} movies"
        yield table(
            ("question", "asked", "p50", "p95", "max", "SQL p50", "p95", "max", "goal", "met"),
            [_times_row(size, times) for times in several],
        )
    if results.times:
        yield (
            "Milliseconds: of `GET /movies` over a kept connection, 20 movies and the total, from"
            " sending to the last byte; and of the SQL alone, by the API's own functions. The goals"
            " are for what HTTP took."
        )


def _times_row(size: int, times: Times) -> Sequence[str]:
    wanted = limits(size, times.kind.group)
    met = all(times.http(share) <= limit for share, limit in wanted.items()) and not times.faults
    return (
        times.kind.label,
        str(len(times.timed)),
        *(f"{times.http(share):.1f}" for share in _SHARES),
        *(f"{times.sql(share):.1f}" for share in _SHARES),
        ", ".join(f"{_NAMES[share]} {limit}" for share, limit in wanted.items()),
        _yes(met),
    )


_NAMES: Final = {0.5: "p50", 0.95: "p95", 1.0: "max"}


def _rates(results: Results) -> Iterable[str]:
    if not results.rates:
        return
    yield "## Searches a second"
    yield table(
        ("page", "connections", "a second", "the floor's", "ratio", "bytes", "client, cores"),
        [_rate_row(rate) for rate in results.rates],
    )
    kinds = ", ".join(kind.label for kind in ORDINARY)
    yield (
        f"The questions are ordinary ones, as many of each: {kinds}; 20 movies a page. The new ones"
        " are asked once each, as after an import: no process of the API has given their answers"
        " before. The one page is the median one of them, with its total. `304` asks 200 of them,"
        " with the tags of their answers. The floor is a Flask view under the same gunicorn that"
        f" answers with the same headers and a constant of {results.floor_bytes:,} bytes, that of"
        f" the median page. {TURNS} turns each, the floor's before every page's; medians. The last"
        " column is what the client, which shares the cores, took of one."
    )


def _rate_row(rate: Rate) -> Sequence[str]:
    return (
        rate.page,
        str(rate.connections),
        f"{rate.a_second:,.0f}",
        f"{rate.floor_a_second:,.0f}",
        f"{rate.ratio:.2f}",
        f"{rate.turns[0].mean_bytes:,.0f}",
        f"{rate.client_share:.2f}",
    )


def _matches(results: Results) -> Iterable[str]:
    if not results.matches:
        return
    yield f"## Against Datasette {against_datasette.VERSION} and against ILIKE"
    yield table(
        (
            *("other", "question", "total", "connections", "asked", "theirs/s"),
            *("ours/s, new", "ratio", "ours/s, again", "ratio"),
        ),
        [_match_row(match) for match in results.matches],
    )
    settings = ", ".join(f"{name} {value}" for name, value in against_datasette.SETTINGS.items())
    yield (
        "The same questions over the same movies. Datasette serves a SQLite file with an index by"
        f" year, immutable, with {settings}, else as it comes. ILIKE is SQL alone, one question"
        " after another, on a table of this Postgres without any index; ours goes over HTTP. New:"
        " no process of the API has given these answers before. Again: the same questions again and"
        " again, whose answers the API keeps until an import changes something; the others have no"
        " such memory, and take as long each time."
    )


def _match_row(match: Match) -> Sequence[str]:
    return (
        match.rival,
        match.kind,
        _yes(match.counted),
        str(match.connections),
        str(match.asked),
        f"{match.rival_a_second:.2f}",
        f"{match.ours.new:,.1f}",
        f"{match.ratio:,.0f}",
        f"{match.ours.again:,.0f}",
        f"{match.ratio_again:,.0f}",
    )


def _yes(met: bool) -> str:  # noqa: FBT001  a cell of a table
    return "yes" if met else "no"
