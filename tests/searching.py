"""Asks the search as the API does, and what a right answer is: the reference, ten lines of Python
over a list of movies.

Folding is Postgres' alone: the reference has it fold each text once, by the function that takes
away case and accents. It knows nothing of the form that the searched columns have.
"""

import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2

from api import queries
from api.database import Database
from local.database import environment_of
from schemas.movie import movie_id
from schemas.search import MovieSearchSchema
from schemas.settings import DatabaseSettings, Environment

TITLE_KEY_LENGTH = 500


class Search:
    """The search in a database, opened under the API's role and with its settings."""

    def __init__(self, dsn: str) -> None:
        self.database = Database(DatabaseSettings.read(Environment(environment_of(dsn))))

    def find(self, **query: Any) -> queries.Page:
        """Finds a page by parameters as they stand in a URL."""
        loaded = MovieSearchSchema().load(query)
        return self.database.ask(lambda connection: queries.search_movies(connection, loaded))

    def pages(self, **query: Any) -> Iterator[queries.Page]:
        """Walks from page to page by cursor."""
        page = self.find(**query)
        yield page
        while page.following:
            page = self.find(**query, cursor=page.following)
            yield page


class Folder:
    """Folds texts in a database, each once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._known: dict[str, str] = {}

    def learn(self, texts: set[str]) -> None:
        new = sorted(texts - self._known.keys())
        connection = psycopg2.connect(self._dsn)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT text, mru_fold(text) FROM unnest(%s) AS text", (new,))
            self._known.update(cursor.fetchall())
        connection.close()

    def __call__(self, text: str) -> str:
        if text not in self._known:
            self.learn({text})
        return self._known[text]


@dataclasses.dataclass(frozen=True)
class _Folded:
    movie: dict[str, Any]
    title: str
    actor: list[str]
    genre: list[str]


@dataclasses.dataclass(frozen=True)
class Reference:
    """Movies, and what a search has to find among them."""

    folded: list[_Folded]
    fold: Folder

    @classmethod
    def of(cls, records: list[dict[str, Any]], dsn: str) -> "Reference":
        fold = Folder(dsn)
        texts = ((each["title"], *each["cast"], *each["genres"]) for each in records)
        fold.learn({text for several in texts for text in several})
        folded = [
            _Folded(
                {"id": identity_of(each), **each},
                fold(each["title"]),
                [fold(name) for name in each["cast"]],
                [fold(name) for name in each["genres"]],
            )
            for each in records
        ]
        return cls(folded, fold)

    @property
    def movies(self) -> list[dict[str, Any]]:
        return [each.movie for each in self.folded]

    def find(self, **query: Any) -> list[dict[str, Any]]:
        """Returns everything that parameters as in a URL find, in their order."""
        titles, actors, genres = (
            [self.fold(term) for term in query.get(name, ())]
            for name in ("title", "actor", "genre")
        )
        first, last = int(query.get("year_from", 0)), int(query.get("year_to", 9999))
        found = [
            each
            for each in self.folded
            if first <= each.movie["year"] <= last
            and int(query.get("year", each.movie["year"])) == each.movie["year"]
            and all(term in each.title for term in titles)
            and all(any(term in name for name in each.actor) for term in actors)
            and all(any(term in name for name in each.genre) for term in genres)
        ]
        sort = query.get("sort", "-year")
        found.sort(key=lambda each: self._place(each, sort), reverse=sort.startswith("-"))
        return [each.movie for each in found]

    def _place(self, each: _Folded, sort: str) -> tuple[Any, uuid.UUID]:
        key = each.movie["year"] if sort.endswith("year") else each.title[:TITLE_KEY_LENGTH]
        return key, each.movie["id"]


def identity_of(record: Mapping[str, Any]) -> uuid.UUID:
    return movie_id(record["title"], record["year"], record["cast"])


def ids_of(movies: list[dict[str, Any]]) -> list[uuid.UUID]:
    return [movie["id"] for movie in movies]
