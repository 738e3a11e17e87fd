"""The files of a run: the same movies as JSON, plain and packed, and as lines for COPY."""

import dataclasses
import gzip
import itertools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from backports import zstd

from bench.generate import generate
from schemas.movie import movie_id_digits
from worker.store import prepare
from worker.validate import Chunk, Movie

FORMATS: Final = ("json", "json.gz", "json.zst")
_BATCH: Final = 1_000
_COPIED_BYTES: Final = 1024 * 1024
_IMPORT_ID: Final = "00000000-0000-4000-8000-000000000000"  # each row names some import


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The files of one number of movies."""

    folder: Path
    movies: int

    @property
    def rows(self) -> Path:
        """Lines for COPY: id, import_id, year, title, cast, genres."""
        return self.folder / "movies.rows"

    def file(self, form: str) -> Path:
        """Returns the JSON file in one of FORMATS. Packed ones are made when first asked for."""
        path = self.folder / f"movies.{form}"
        if not path.exists():
            with self.file("json").open("rb") as plain, _packer(path) as packed:
                shutil.copyfileobj(plain, packed, _COPIED_BYTES)
        return path


@contextmanager
def make_inputs(folder: Path, movies: int) -> Iterator[Inputs]:
    """Writes the files, and removes them at the end."""
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir(parents=True)
    try:
        _write(folder, movies)
        yield Inputs(folder, movies)
    finally:
        shutil.rmtree(folder)


def _write(folder: Path, movies: int) -> None:
    made = Inputs(folder, movies)
    json_path = folder / f"movies.{FORMATS[0]}"
    with json_path.open("w", encoding="utf-8") as file, made.rows.open("wb") as rows:
        records = generate(movies)
        separator = "["
        while batch := list(itertools.islice(records, _BATCH)):
            file.write(separator + json.dumps(batch, ensure_ascii=False)[1:-1])
            rows.write(_lines(batch).encode())
            separator = ",\n"
        file.write("]")


def _lines(batch: list[dict[str, Any]]) -> str:
    """Writes rows as the worker does, with the column that it adds in Postgres."""
    movies = [
        Movie(
            movie_id_digits(record["title"], record["year"], record["cast"]),
            record["title"],
            record["year"],
            record["cast"],
            record["genres"],
        )
        for record in batch
    ]
    lines = prepare(Chunk(movies, records=len(movies), repeated=0)).rows.split("\n")
    return "".join(line.replace("\t", f"\t{_IMPORT_ID}\t", 1) + "\n" for line in lines if line)


def _packer(path: Path) -> IO[bytes]:
    """Opens a file to be written packed, as the usual commands pack by default."""
    if path.suffix == ".gz":
        return gzip.open(path, "wb", compresslevel=6)  # type: ignore[return-value]  # as good as one
    return zstd.open(path, "wb", level=3)  # type: ignore[return-value]  # as good as one
