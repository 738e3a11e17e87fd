"""Records against the shared schema: the movies of a file, and its bad records with the reasons."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from marshmallow import ValidationError

from schemas.compiled import compile_loader
from schemas.fields import flatten_messages
from schemas.imports import OnError
from schemas.movie import MovieSchema, movie_id_digits
from worker.errors import BadRecordsError, TooManyFaultsError
from worker.records import Record
from worker.settings import Limits

_RAW_MAX_CHARACTERS: Final = 2_000
_FAULTS_MAX: Final = 20
_IGNORED_NAMES_MAX: Final = 50
_OTHER_NAMES: Final = "(others)"


class Movie(NamedTuple):
    """A record that passed, under the id (32 hexadecimal digits) of the movie that it speaks of."""

    id: str
    title: str
    year: int
    cast: list[str]
    genres: list[str]


@dataclasses.dataclass(frozen=True)
class BadRecord:
    """A record that did not pass: where it stands (1 is the first), why, and its text, cut.

    Of more than 20 faults the last one only says how many more there are.
    """

    position: int
    faults: list[tuple[str, str]]
    raw: str


@dataclasses.dataclass(frozen=True)
class Chunk:
    """The movies of a stretch of the file, each identity once, the last one standing.

    `records` is how many records the stretch had, `repeated` how many of those are overruled by a
    later one of the same stretch.
    """

    movies: list[Movie]
    records: int
    repeated: int


class Validator:
    """Validates the records of one file, and remembers what was wrong with it.

    After a bad record in a file that is to be taken whole, no more chunks are made: the rest is
    read only to list what else is bad, and to count it. A fault costs a hundred times what a good
    record of the same size does, so that the counting ends at `max_faults`. Where bad records are
    put aside, it ends there too if there are more faults than half the records read.
    """

    def __init__(self, on_error: OnError, limits: Limits) -> None:
        schema = MovieSchema()
        self._load = compile_loader(schema)
        self._known = frozenset(schema.load_fields)
        self._on_error = on_error
        self._limits = limits
        self.read = 0
        self.bad = 0
        self._faults = 0
        self.bad_records: list[BadRecord] = []
        self.ignored_fields: Counter[str] = Counter()

    def chunks(self, records: Iterable[Record]) -> Iterator[Chunk]:
        """Yields the good movies in chunks: so many records, or so much text, whichever is first.

        Raises BadRecordsError at the end where a record was bad and the file is taken whole, and
        TooManyFaultsError before the end.
        """
        movies: dict[str, Movie] = {}
        started_at = self.read
        taken = size = 0
        for record in records:
            size += record.size
            movie = self._movie(record)
            if movie is not None:
                movies[movie.id] = movie
                taken += 1
            if self._is_full(self.read - started_at, size):
                if self._taking():
                    yield _chunk(movies, self.read - started_at, taken)
                movies, started_at, taken, size = {}, self.read, 0, 0
        if not self._taking():
            raise BadRecordsError(self.bad, self.read)
        if self.read > started_at:
            yield _chunk(movies, self.read - started_at, taken)

    def _is_full(self, records: int, size: int) -> bool:
        return records >= self._limits.chunk_records or size >= self._limits.chunk_bytes

    def _taking(self) -> bool:
        return self.bad == 0 or self._on_error is OnError.CONTINUE

    def _movie(self, record: Record) -> Movie | None:
        self.read += 1
        try:
            fields = self._load(record.value)
        except ValidationError as error:
            self._remember(record, error)
            return None
        if len(record.value) > len(fields) or not record.value.keys() <= self._known:
            self._count_ignored(record.value)
        title, year, cast = fields["title"], fields["year"], fields["cast"]
        return Movie(movie_id_digits(title, year, cast), title, year, cast, fields["genres"])

    def _remember(self, record: Record, error: ValidationError) -> None:
        faults = _cut(flatten_messages(error))
        self.bad += 1
        self._faults += len(faults)
        if len(self.bad_records) < self._limits.max_listed_errors:
            self.bad_records.append(BadRecord(self.read, faults, _shown(record)))
        elif self._faults > self._limits.max_faults and self._is_hopeless():
            raise TooManyFaultsError(self.bad, self.read)

    def _is_hopeless(self) -> bool:
        return not self._taking() or 2 * self._faults > self.read

    def _count_ignored(self, value: dict[str, Any]) -> None:
        unknown = [name for name in value if name not in self._known]
        for name in unknown[:_IGNORED_NAMES_MAX]:
            shown = json.dumps(name[:100])[1:-1][:100]  # a name may hold what Postgres cannot
            room = shown in self.ignored_fields or len(self.ignored_fields) < _IGNORED_NAMES_MAX
            self.ignored_fields[shown if room else _OTHER_NAMES] += 1
        if others := len(unknown[_IGNORED_NAMES_MAX:]):
            self.ignored_fields[_OTHER_NAMES] += others


def _chunk(movies: dict[str, Movie], records: int, taken: int) -> Chunk:
    return Chunk(list(movies.values()), records=records, repeated=taken - len(movies))


def _cut(faults: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(faults) <= _FAULTS_MAX:
        return faults
    kept = faults[: _FAULTS_MAX - 1]
    return [*kept, ("", f"{len(faults) - len(kept)} more faults.")]


def _shown(record: Record) -> str:
    """Returns the record's text as Postgres can hold it, cut to a bound."""
    raw = record.raw
    return raw if len(raw) <= _RAW_MAX_CHARACTERS else raw[:_RAW_MAX_CHARACTERS] + "…"
