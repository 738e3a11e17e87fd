"""GET /, the search for people; and its parts, which htmx asks for while somebody types.

The films found come first and what counts them second, in an answer of its own: counting may take
longer than finding.
"""

import dataclasses
import functools
from typing import Any, Final

import sqlalchemy as sa
from flask import Response, request

from api import queries
from api.errors import ApiError
from api.pages import histogram, rendering
from api.pages.cards import Card, Markers, lay_out
from api.pages.question import Question
from schemas.movie import NAME_MAX_LENGTH, YEAR_MAXIMUM, YEAR_MINIMUM
from schemas.search import MovieSearchSchema, Sort

# A page shows whole movies, and always says how many there are.
_schema: Final = MovieSearchSchema(exclude=("fields_", "count"))

_SORTS: Final = {
    Sort.NEWEST: "Newest first",
    Sort.OLDEST: "Oldest first",
    Sort.TITLE: "Title, A to Z",
    Sort.TITLE_BACKWARDS: "Title, Z to A",
}
_FIELDS: Final = ("title", "actor", "genre", "year_from", "year_to", "sort")
_FILTERS: Final = {"title": "Title", "actor": "Actor", "genre": "Genre", "year": "Year"}
_GENRES_OFFERED: Final = 200
_GENRES_SHOWN: Final = 30
_SUGGESTIONS: Final = 8

EXAMPLES: Final = (
    ("Carmen, of 1915", {"title": "carmen", "year_from": "1915", "year_to": "1915"}),
    ("anything with Bob", {"actor": "bob"}),
    ("comedies of the 1930s", {"genre": "comedy", "year_from": "1930", "year_to": "1939"}),
    ("“king” in the title", {"title": "king"}),
)


@dataclasses.dataclass(frozen=True)
class Chip:
    """A filter that is on, and the question without it."""

    name: str
    value: str
    question: Question


@dataclasses.dataclass(frozen=True)
class Found:
    """A page of films, and the questions for the pages around it."""

    rows: list[dict[str, Any]]
    markers: Markers
    total: queries.Total | None
    following: Question | None
    preceding: Question | None
    suggested: list[tuple[str, Question]]

    @functools.cached_property
    def cards(self) -> list[Card]:
        """The films as cards, made when they are shown: no connection is held for that."""
        return lay_out(self.rows, self.markers)


@dataclasses.dataclass(frozen=True)
class GenreCount:
    """A genre among the films found; the question with it or, where it is chosen, without it."""

    name: str
    count: int
    chosen: bool
    question: Question


def show_page() -> Response:
    """Shows the whole page."""
    return _show("search.html", _find_whole)


def show_found() -> Response:
    """Shows the films found alone, and has the browser show the address of this search."""
    answer = _show("found_alone.html", _find_films)
    if answer.status_code == 200:
        answer.headers["HX-Replace-Url"] = _address(Question.read(request.query_string))
        answer.headers["HX-Trigger"] = "films-found"  # what counts them waits for that
    return answer


def show_facets() -> Response:
    """Shows the years and the genres of the films found."""
    answer = _show("facets_alone.html", _find_facets)
    if answer.status_code != 200:
        answer.headers["HX-Reswap"] = "none"  # older numbers are better than none
    return answer


def _show(template: str, find: Any) -> Response:
    try:
        asked = Question.read(request.query_string)
    except ApiError as error:
        return rendering.show(template, _given(Question()), rendering.Failure.of(error))
    return rendering.show_when_changed(
        template,
        lambda: asked.load(_schema),
        lambda connection, query: find(connection, asked, query),
        _given(asked),
    )


def _given(asked: Question) -> dict[str, Any]:
    """Returns what a page shows of the question itself, whether it can be answered or not."""
    return {
        "root": "./",
        "asked": asked,
        "unseen": [pair for pair in asked.rest(_FIELDS) if pair[0] in _schema.fields],
        "home": "./",
        "chips": _chips(asked),
        "sorts": [(sort.value, text) for sort, text in _SORTS.items()],
        "usual_sort": Sort.NEWEST.value,
        "years": (YEAR_MINIMUM, YEAR_MAXIMUM),
        "examples": [(text, Question(tuple(pairs.items()))) for text, pairs in EXAMPLES],
        "heading": _heading(asked),
        "found": None,
        "facets": None,
        "offered": [],
    }


def _find_whole(
    connection: sa.Connection, asked: Question, query: dict[str, Any]
) -> dict[str, Any]:
    return {
        **_find_films(connection, asked, query),
        **_find_facets(connection, asked, query),
        "offered": queries.list_genres(connection, limit=_GENRES_OFFERED),
    }


def _find_films(
    connection: sa.Connection, asked: Question, query: dict[str, Any]
) -> dict[str, Any]:
    page = queries.search_movies(connection, query)
    found = Found(
        rows=page.rows,
        markers=Markers.of(connection, query, page.rows),
        total=page.total,
        following=asked.at("cursor", page.following) if page.following else None,
        preceding=asked.at("cursor", page.preceding) if page.preceding else None,
        suggested=[] if page.rows else _suggest(connection, asked),
    )
    return {"found": found}


def _suggest(connection: sa.Connection, asked: Question) -> list[tuple[str, Question]]:
    """Suggests what may have been meant where nothing was found: an actor, not a title."""
    suggested: list[tuple[str, Question]] = []
    for term in (asked.first("title"), asked.first("actor")):
        if term:
            for each in queries.suggest(connection, term[:NAME_MAX_LENGTH], _SUGGESTIONS):
                question = Question(((each.kind, each.text),))
                if question.pairs != asked.pairs:
                    suggested.append((f"{each.kind} {each.text}", question))
    return suggested[:_SUGGESTIONS]


def _find_facets(
    connection: sa.Connection, asked: Question, query: dict[str, Any]
) -> dict[str, Any]:
    facets = queries.count_facets(connection, query)
    bars = histogram.draw(
        facets.years,
        asked,
        earliest=query.get("year_from", YEAR_MINIMUM),
        latest=query.get("year_to", YEAR_MAXIMUM),
    )
    genres = [_genre(asked, name, count) for name, count in facets.genres[:_GENRES_SHOWN]]
    return {"facets": facets, "bars": bars, "genres": genres}


def _genre(asked: Question, name: str, count: int) -> GenreCount:
    for value in asked.values("genre"):
        if value.casefold() == name.casefold():
            return GenreCount(name, count, True, asked.without_value("genre", value))
    return GenreCount(name, count, False, asked.adding("genre", name))


def _chips(asked: Question) -> list[Chip]:
    chips = [
        Chip(_FILTERS[name], value, asked.without_value(name, value))
        for name, value in asked.pairs
        if name in _FILTERS
    ]
    first, last = asked.first("year_from"), asked.first("year_to")
    if first or last:
        chips.append(Chip("Years", _years(first, last), asked.without("year_from", "year_to")))
    return chips


def _years(first: str, last: str) -> str:
    if first == last:
        return first
    if not last:
        return f"from {first}"
    return f"{first} to {last}" if first else f"to {last}"


def _heading(asked: Question) -> str:
    return ", ".join(chip.value for chip in _chips(asked))


def _address(asked: Question) -> str:
    query = asked.without().query
    return f"./?{query}" if query else "./"
