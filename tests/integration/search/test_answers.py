"""The search finds what ten lines of Python find. MRU_SEARCH_QUERIES=2000 asks more of it."""

import os
import random
from typing import Any

import pytest

from tests.searching import Reference, Search, ids_of

QUERIES = int(os.environ.get("MRU_SEARCH_QUERIES", "300"))
SORTS = ("-year", "year", "title", "-title")
SIGNS = ("%", "_", "\\", "'", '"', ".", "-", ", ", ": ", "!", "&", "(", "?", "*", "X", "Q", "\n")
ACCENTS = str.maketrans("aeiouncy", "áèîöűñçÿ")


class Dice(random.Random):
    """Throws queries: pieces of what the movies are made of, bent as people would."""

    def __init__(self, seed: int, movies: list[dict[str, Any]]) -> None:
        super().__init__(seed)
        self.movies = movies

    def query(self) -> dict[str, Any]:
        movie = self.choice(self.movies)
        query: dict[str, Any] = {"sort": self.choice(SORTS), "limit": str(self.randint(1, 100))}
        for name in self.sample(("title", "actor", "genre"), self.choice((0, 1, 1, 1, 2, 3))):
            # A second term is one of the same movie, so that both are sometimes found together.
            query[name] = [self.term(name, movie) for _ in range(self.choice((1, 1, 1, 2)))]
        if self.random() < 0.2:
            query["year"] = str(movie["year"])
        elif self.random() < 0.3:
            first = movie["year"] - self.randint(0, 30)
            query |= {"year_from": str(first), "year_to": str(first + self.randint(0, 60))}
        return query

    def term(self, name: str, movie: dict[str, Any]) -> str:
        texts = {"title": [movie["title"]], "actor": movie["cast"], "genre": movie["genres"]}[name]
        text = self.choice(texts or ["nobody"])
        begin = self.randrange(len(text))
        piece = text[begin : begin + self.choice((1, 1, 2, 2, 3, 4, 5, 8, 20))]
        return self.bent(piece).strip() or "e"

    def bent(self, piece: str) -> str:
        how = self.random()
        if how < 0.15:
            return piece.upper()
        if how < 0.3:
            return piece.lower().translate(ACCENTS)
        if how < 0.45:
            at = self.randrange(len(piece) + 1)
            return piece[:at] + self.choice(SIGNS) + piece[at:]
        return piece


@pytest.mark.parametrize("seed", range(4))
def test_the_search_finds_what_the_reference_finds(
    films: tuple[Search, Reference], seed: int
) -> None:
    search, reference = films
    dice = Dice(seed, reference.movies)
    queries = [dice.query() for _ in range(QUERIES // 4)]
    names = ("title", "actor", "genre")
    reference.fold.learn(
        {term for query in queries for name in names for term in query.get(name, ())}
    )
    for query in queries:
        expected = reference.find(**query)
        page = search.find(**query)
        assert ids_of(page.rows) == ids_of(expected)[: int(query["limit"])], query
        assert page.total is not None
        assert page.total.count == min(len(expected), 10_000), query
        assert page.total.relation == ("eq" if len(expected) <= 10_000 else "gte"), query
