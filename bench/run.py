"""The order in which a plan is measured. What is short first, then the sizes one after another;
within a size limit and path by turns, so that what slows the machine for a while slows both.
"""

from typing import Final

from bench.against_dlt import MODES, install_dlt, measure_dlt
from bench.inputs import FORMATS, Inputs, make_inputs
from bench.latency import measure_latency
from bench.limit import measure_limit
from bench.plan import Part, Plan
from bench.progress import noted, say
from bench.results import Results
from bench.road import Passage, measure_passage
from bench.services import Services
from bench.small_files import measure_small_files

_WITH_SIZES: Final = (Part.LIMIT, Part.PATH, Part.DLT, Part.MEMORY)
_MB: Final = 1_000_000


class Run:
    """One run of a plan. A part that fails is noted, and the others go on."""

    def __init__(self, plan: Plan, services: Services, results: Results) -> None:
        self._plan = plan
        self._services = services
        self._results = results

    def measure(self) -> None:
        """Measures all of the plan, and prints each figure when it is known."""
        if Part.LATENCY in self._plan.parts:
            with noted(self._results.faults, "latency"):
                self._measure_latency()
        if Part.SMALL_FILES in self._plan.parts:
            with noted(self._results.faults, "small files"):
                self._measure_small_files()
        for size in self._plan.sizes:
            if any(self._plan.has(part, size) for part in _WITH_SIZES):
                self._measure_size(size)

    def _measure_size(self, size: int) -> None:
        say(f"{size:,} movies: writing the files")
        with make_inputs(self._services.folder / "inputs", size) as inputs:
            for number in range(self._plan.repeats_of(size)):
                self._measure_speed(inputs, path_first=number % 2 == 1)
            if self._plan.has(Part.DLT, size):
                self._measure_dlt(inputs)
            if self._plan.has(Part.MEMORY, size):
                self._measure_memory(inputs)

    def _measure_speed(self, inputs: Inputs, *, path_first: bool) -> None:
        measures = [(Part.LIMIT, self._measure_limit), (Part.PATH, self._measure_path)]
        for part, measure in reversed(measures) if path_first else measures:
            if self._plan.has(part, inputs.movies):
                with noted(self._results.faults, f"{part}, {inputs.movies:,} movies"):
                    measure(inputs)

    def _measure_limit(self, inputs: Inputs) -> None:
        seconds = measure_limit(self._services, inputs.rows, inputs.movies)
        self._results.limit.setdefault(inputs.movies, []).append(seconds)
        say_speed(inputs.movies, "limit: COPY", seconds)

    def _measure_path(self, inputs: Inputs) -> None:
        watch = self._is_watched(inputs.movies)
        passage = measure_passage(self._services, inputs.file("json"), inputs.movies, watch=watch)
        self._results.path.setdefault(inputs.movies, []).append(passage)
        say_speed(inputs.movies, "whole path", passage.seconds)
        if watch:
            self._note_memory(inputs.movies, "json", passage)

    def _is_watched(self, size: int) -> bool:
        """Whether one run serves for time and memory, as long ones do: watching costs little."""
        return self._plan.has(Part.MEMORY, size) and self._plan.repeats_of(size) == 1

    def _measure_dlt(self, inputs: Inputs) -> None:
        for mode in MODES:
            with noted(self._results.faults, f"dlt ({mode.name}), {inputs.movies:,} movies"):
                install_dlt()
                seconds = measure_dlt(self._services, mode, inputs.file("json"), inputs.movies)
                self._results.dlt.setdefault((mode.name, inputs.movies), []).append(seconds)
                say_speed(inputs.movies, f"dlt ({mode.name})", seconds)

    def _measure_memory(self, inputs: Inputs) -> None:
        missing = [form for form in FORMATS if (inputs.movies, form) not in self._results.memory]
        for form in missing:
            with noted(self._results.faults, f"memory, {inputs.movies:,} movies as {form}"):
                passage = measure_passage(
                    self._services, inputs.file(form), inputs.movies, watch=True
                )
                self._note_memory(inputs.movies, form, passage)

    def _note_memory(self, size: int, form: str, passage: Passage) -> None:
        self._results.memory[size, form] = passage
        if peak := passage.peak:
            say(f"{size:>10,} movies  memory ({form}): {peak.pss / _MB:.0f} MB")

    def _measure_latency(self) -> None:
        latency = measure_latency(self._services.folder / "stack", self._plan.uploads)
        self._results.latency = latency
        say(
            f"PUT to visible, {len(latency.seconds)} uploads: p50 {latency.percentile(0.5):.3f} s,"
            f" p99 {latency.percentile(0.99):.3f} s, max {latency.percentile(1):.3f} s"
        )

    def _measure_small_files(self) -> None:
        small = measure_small_files(self._services, self._plan.files)
        self._results.small_files = small
        say(
            f"{small.files:,} small files: {small.files / small.seconds:.1f} a second,"
            f" the emulator's floor {small.files / small.best_floor.seconds:.1f}"
        )


def say_speed(movies: int, what: str, seconds: float) -> None:
    """Prints one time, and the speed that it means."""
    say(f"{movies:>10,} movies  {what}: {seconds:.2f} s, {movies / seconds:,.0f} movies a second")
