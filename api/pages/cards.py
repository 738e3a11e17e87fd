"""A film as its card shows it: what the search found is marked, and long casts are cut short.

Whatever a film holds, a card shows only so much of it, and no more than that is looked at.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final, Self

import sqlalchemy as sa

from api.pages.marking import Marker, Part

_CAST_SHOWN: Final = 5
_GENRES_SHOWN: Final = 10
# Letters. Five names have about 70. The longest allowed would make a page of a megabyte.
_SHOWN_LETTERS: Final = 300
# Real casts have less than 1,000. Whom the search found beyond that is not shown.
_SEARCHED_LETTERS: Final = 4_000


@dataclasses.dataclass(frozen=True)
class Name:
    """The name of an actor or of a genre, whole and in parts."""

    text: str
    parts: list[Part]


@dataclasses.dataclass(frozen=True)
class Card:
    """A film. `more` of its cast and `more_genres` are not shown."""

    id: str
    title: list[Part]
    year: int
    cast: list[Name]
    more: int
    genres: list[Name]
    more_genres: int


@dataclasses.dataclass(frozen=True)
class Markers:
    """What marks in films that a search found why it did."""

    titles: Marker
    actors: Marker
    genres: Marker

    @classmethod
    def of(
        cls, connection: sa.Connection, query: dict[str, Any], rows: list[dict[str, Any]]
    ) -> Self:
        """Makes them for films that a loaded query found."""
        names = (name for row in rows for name in _within(row["cast"], _SEARCHED_LETTERS))
        genres = (name for row in rows for name in row["genres"])
        return cls(
            Marker.of(connection, query["title"], (row["title"] for row in rows)),
            Marker.of(connection, query["actor"], names),
            Marker.of(connection, query["genre"], genres),
        )


def lay_out(rows: list[dict[str, Any]], markers: Markers) -> list[Card]:
    """Makes the cards of films."""
    return [_card(row, markers) for row in rows]


def _card(row: dict[str, Any], markers: Markers) -> Card:
    cast = _shown(row["cast"], markers.actors, _CAST_SHOWN)
    genres = _shown(row["genres"], markers.genres, _GENRES_SHOWN)
    return Card(
        id=str(row["id"]),
        title=markers.titles.mark(row["title"]),
        year=row["year"],
        cast=cast,
        more=len(row["cast"]) - len(cast),
        genres=genres,
        more_genres=len(row["genres"]) - len(genres),
    )


def _shown(names: list[str], marker: Marker, usual: int) -> list[Name]:
    """Returns the first of some names, and those that the search found, however late."""
    first = list(_within(names[:usual], _SHOWN_LETTERS))
    later = itertools.islice(_within(names, _SEARCHED_LETTERS), len(first), None)
    found = _within((name for name in later if marker.marks(name)), _SHOWN_LETTERS)
    return [Name(name, marker.mark(name)) for name in (*first, *found)]


def _within(names: Iterable[str], letters: int) -> Iterator[str]:
    """Yields the first of some names, and ends with the one that takes the letters beyond."""
    for name in names:
        yield name
        letters -= len(name)
        if letters < 0:
            return
