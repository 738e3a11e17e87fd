"""Writes what was measured as Markdown: bench/RESULTS.md is always written here, never by hand."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from bench.against_dlt import MODES, VERSION
from bench.latency import POLL_SECONDS, WARM_UPS, Latency
from bench.markdown import list_facts, list_faults, table
from bench.results import Facts, Results, a_second
from bench.small_files import CONCURRENCY, SmallFiles

_MB: Final = 1_000_000
_INTRODUCTION: Final = (
    "Written by `make bench-ingest`; [README.md](README.md) says what each figure is, and what it"
    " cannot say."
)


def write_report(facts: Facts, results: Results) -> str:
    """Returns the whole report."""
    parts = [
        "# How fast imports are",
        _INTRODUCTION,
        list_facts(facts.described() | {"Movies a second": "by the median of all times shown"}),
        *_speed(results),
        *_dlt(results),
        *_memory(results),
        *(_latency(results.latency) if results.latency else []),
        *(_small_files(results.small_files) if results.small_files else []),
        *list_faults(results.faults),
    ]
    return "\n\n".join(parts) + "\n"


def _speed(results: Results) -> Iterable[str]:
    sizes = sorted(results.limit.keys() | results.path.keys())
    if not sizes:
        return
    yield "## The whole path against the limit"
    yield table(
        ("movies", "COPY, movies/s", "worker, movies/s", "ratio", "COPY, s", "worker, s"),
        [
            (
                f"{size:,}",
                _rate(size, results.limit.get(size, [])),
                _rate(size, results.path_seconds(size)),
                _ratio(results.limit.get(size, []), results.path_seconds(size)),
                _times(results.limit.get(size, [])),
                _times(results.path_seconds(size)),
            )
            for size in sizes
        ],
    )
    yield _stages(results)


def _stages(results: Results) -> str:
    rows = []
    for size, passages in sorted(results.path.items()):
        middle = sorted(passages, key=lambda passage: passage.seconds)[len(passages) // 2]
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in middle.stages.items())
        rows.append(f"{size:,} movies: {stages}")
    return (
        "The worker's own view in seconds (fetch and validate overlap with store): "
        + "; ".join(rows)
        + "."
    )


def _dlt(results: Results) -> Iterable[str]:
    if not results.dlt:
        return
    yield f"## Against dlt {VERSION}"
    yield table(
        ("movies", "dlt", "dlt, movies/s", "worker to dlt", "dlt, s"),
        [
            (
                f"{size:,}",
                name,
                _rate(size, seconds),
                _ratio(seconds, results.path_seconds(size)),
                _times(seconds),
            )
            for (name, size), seconds in sorted(results.dlt.items(), key=lambda item: item[0][1])
        ],
    )
    yield "\n".join(f"- {mode.name}: {mode.description}." for mode in MODES)
    yield (
        "The first three append: they have no search index, and know neither which movies are the"
        " same nor that they had a file before."
    )


def _memory(results: Results) -> Iterable[str]:
    if not results.memory:
        return
    yield "## Peak memory of the worker"
    yield table(
        ("movies", "file", "PSS, MB", "RSS, MB", "samples", "movies/s"),
        [
            (
                f"{size:,}",
                form,
                f"{peak.pss / _MB:.0f}",
                f"{peak.rss / _MB:.0f}",
                f"{peak.samples:,}",
                _rate(size, [passage.seconds]),
            )
            for (size, form), passage in sorted(results.memory.items())
            if (peak := passage.peak)
        ],
    )
    yield (
        "Sums over the main process and its child, sampled every 0.1 s from"
        " /proc/PID/smaps_rollup. PSS counts each shared page once; RSS counts it for each process."
    )


def _latency(latency: Latency) -> Iterable[str]:
    yield "## From PUT to visible"
    shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)]
    yield table(
        ("uploads", *(name for name, _ in shares)),
        [
            (
                str(len(latency.seconds)),
                *(f"{latency.percentile(share):.3f} s" for _, share in shares),
            )
        ],
    )
    yield (
        f"One after another, after {WARM_UPS} that do not count; the very first, with everything"
        f" cold, took {latency.cold_seconds:.2f} s. GET /movies/{{id}} was asked every"
        f" {POLL_SECONDS * 1000:.0f} ms. Medians of the stages:"
    )
    yield table(
        ("stage", "ms"),
        [(name, f"{seconds * 1000:.0f}") for name, seconds in latency.stages.items()],
    )


def _small_files(small: SmallFiles) -> Iterable[str]:
    floors = [small.files / floor.seconds for floor in small.floors]
    rate, floor = small.files / small.seconds, max(floors)
    calls = ", ".join(
        f"{call} {seconds * 1000:.1f} ms" for call, seconds in small.best_floor.call_seconds.items()
    )
    yield "## Small files"
    yield table(
        ("files", "worker, files/s", "floor, files/s", "ratio"),
        [(f"{small.files:,}", f"{rate:.1f}", f"{floor:.1f}", f"{rate / floor:.2f}")],
    )
    yield (
        f"{CONCURRENCY} processes each. The floor is the faster of two runs, before and after the"
        f" worker's: {floors[0]:.1f} and {floors[1]:.1f} files a second. A call took there:"
        f" {calls}."
    )


def _rate(movies: int, seconds: Sequence[float]) -> str:
    return f"{a_second(movies, seconds):,.0f}" if seconds else ""


def _ratio(slower: Sequence[float], ours: Sequence[float]) -> str:
    """Returns how many times as fast ours is, by the medians."""
    if not slower or not ours:
        return ""
    return f"{statistics.median(slower) / statistics.median(ours):.2f}"


def _times(seconds: Sequence[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in seconds)
