"""A film as its card shows it: what the search found is marked, and long casts are cut short."""

import dataclasses
from typing import Any, Final

import sqlalchemy as sa

from api.pages.marking import Marker, Part

_CAST_SHOWN: Final = 5


@dataclasses.dataclass(frozen=True)
class Name:
    """The name of an actor or of a genre, whole and in parts."""

    text: str
    parts: list[Part]


@dataclasses.dataclass(frozen=True)
class Card:
    """A film. `more` of its cast are not shown."""

    id: str
    title: list[Part]
    year: int
    cast: list[Name]
    more: int
    genres: list[Name]


def lay_out(
    connection: sa.Connection, query: dict[str, Any], rows: list[dict[str, Any]]
) -> list[Card]:
    """Makes the cards of films that a loaded query found."""
    titles = Marker.of(connection, query["title"], (row["title"] for row in rows))
    actors = Marker.of(connection, query["actor"], (name for row in rows for name in row["cast"]))
    genres = Marker.of(connection, query["genre"], (name for row in rows for name in row["genres"]))
    return [_card(row, titles, actors, genres) for row in rows]


def _card(row: dict[str, Any], titles: Marker, actors: Marker, genres: Marker) -> Card:
    # Whom the search found is shown, however late in the cast.
    cast = [name for at, name in enumerate(row["cast"]) if at < _CAST_SHOWN or actors.marks(name)]
    return Card(
        id=str(row["id"]),
        title=titles.mark(row["title"]),
        year=row["year"],
        cast=[Name(name, actors.mark(name)) for name in cast],
        more=len(row["cast"]) - len(cast),
        genres=[Name(name, genres.mark(name)) for name in row["genres"]],
    )
