"""What is counted and suggested, beside what ten lines of Python count and suggest."""

import collections
from typing import Any

import pytest

from api import queries
from api.queries import facets as facets_module
from api.queries import suggestions
from schemas.search import MovieFilterSchema
from tests.searching import Reference, Search

FILTERS: list[dict[str, Any]] = [
    {},
    {"title": ["the"]},
    {"title": ["e"], "actor": ["jo"]},
    {"actor": ["nicolas cage"]},
    {"genre": ["com"]},
    {"genre": ["drama", "war"], "year_from": "1930"},
    {"year": "1994"},
    {"title": ["xqzv"]},
]


@pytest.mark.parametrize("query", FILTERS)
def test_facets_are_those_of_the_reference(
    films: tuple[Search, Reference], query: dict[str, Any]
) -> None:
    search, reference = films
    found = reference.find(**query)
    genres = collections.Counter(genre for movie in found for genre in set(movie["genres"]))
    counted = facets(search, query)
    assert counted.complete
    assert counted.genres == sorted(genres.items(), key=lambda each: (-each[1], each[0]))
    years = collections.Counter(movie["year"] for movie in found)
    assert counted.years == sorted(years.items(), reverse=True)


def facets(search: Search, query: dict[str, Any]) -> queries.Facets:
    loaded = MovieFilterSchema().load(query)
    return search.database.ask(lambda connection: queries.count_facets(connection, loaded))


def test_facets_for_which_there_is_no_time_say_so(
    many_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets_module, "MILLISECONDS", 60_000)
    everything = facets(many_search, {"title": ["e"]})
    assert everything.complete
    monkeypatch.setattr(facets_module, "MILLISECONDS", 1)
    some = facets(many_search, {"title": ["e"]})
    assert not some.complete
    assert 0 < sum(number for _, number in some.years) < sum(n for _, n in everything.years)


def suggested(search: Search, term: str, limit: int = 10) -> dict[str, list[str]]:
    found = search.database.ask(lambda connection: queries.suggest(connection, term, limit))
    assert len(found) <= limit
    kinds: dict[str, list[str]] = {"title": [], "actor": []}
    for suggestion in found:
        kinds[suggestion.kind].append(suggestion.text)
    return kinds


TERMS = (
    "nat",
    "n",
    "tom h",
    "ame",
    "AMÉ",
    "o'b",
    "x",
    "schw",
    "spider-m",
    "man",
    "zzz",
    "%",
    "é",
    "m b",
)


@pytest.mark.parametrize("term", TERMS)
def test_suggestions_have_a_word_that_begins_like_that(
    films: tuple[Search, Reference], term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "MILLISECONDS", 3_000)
    search, reference = films
    titles = {movie["title"] for movie in reference.movies}
    actors = {name for movie in reference.movies for name in movie["cast"]}
    found = suggested(search, term, 20)
    for kind, texts in (("title", titles), ("actor", actors)):
        right = {text for text in texts if begins(reference.fold(text), reference.fold(term))}
        assert set(found[kind]) <= right
        assert len(set(found[kind])) == len(found[kind])
        assert len(found[kind]) >= min(len(right), 10), (kind, term)


def begins(text: str, term: str) -> bool:
    return any(
        text.startswith(term, at) for at in range(len(text)) if at == 0 or text[at - 1] in " -'"
    )


def test_what_begins_with_the_term_is_suggested_first(films: tuple[Search, Reference]) -> None:
    search, reference = films
    found = suggested(search, "the", 20)["title"]
    begin = [reference.fold(title).startswith("the") for title in found]
    assert begin == sorted(begin, reverse=True)
