"""The samples as the demo uses them: what each holds, what must become of it, what a search finds.

The search here is the plainest there can be, over the files themselves; the API's answers are held
against it.
"""

import dataclasses
import gzip
import json
import unicodedata
import uuid
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from schemas.imports import ImportStatus
from schemas.movie import movie_id

_OUTCOMES: Final = "expected.json"
_GZIP_SUFFIX: Final = ".gz"
_ROW_SUFFIX: Final = ".ndjson"


@dataclasses.dataclass(frozen=True)
class Sample:
    """A file to upload. `outcome` are fields of its import, with the values they must have."""

    path: Path
    outcome: dict[str, Any]

    @property
    def name(self) -> str:
        """The file's name, and its key in the bucket."""
        return self.path.name

    def movies(self) -> list[dict[str, Any]]:
        """Returns the movies that its import adds: none where it is to fail."""
        if self.outcome["status"] != ImportStatus.SUCCEEDED:
            return []
        content = self.path.read_bytes()
        text = (gzip.decompress(content) if self.name.endswith(_GZIP_SUFFIX) else content).decode()
        if self.name.endswith(_ROW_SUFFIX):
            return [json.loads(line) for line in text.splitlines()]
        decoded = json.loads(text)
        return decoded if isinstance(decoded, list) else [decoded]


def read_samples(folder: Path) -> list[Sample]:
    """Returns the samples in the order in which expected.json names them."""
    outcomes = json.loads((folder / _OUTCOMES).read_bytes())
    return [Sample(folder / name, outcome) for name, outcome in outcomes.items()]


def find(samples: list[Sample], query: str) -> set[uuid.UUID]:
    """Returns the ids of the samples' movies that a query string asks for."""
    wanted = parse_qsl(query)
    return {
        movie_id(movie["title"], movie["year"], movie["cast"])
        for sample in samples
        for movie in sample.movies()
        if all(_matches(movie, name, value) for name, value in wanted)
    }


def _matches(movie: dict[str, Any], name: str, value: str) -> bool:
    if name == "year":
        return str(movie["year"]) == value
    texts = {"title": [movie["title"]], "actor": movie["cast"], "genre": movie["genres"]}[name]
    return any(_fold(value) in _fold(text) for text in texts)


def _fold(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
