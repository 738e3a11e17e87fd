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
class Reference:
    """Movies, and what a search has to find among them."""

    movies: list[dict[str, Any]]
    fold: Folder

    @classmethod
    def of(cls, records: list[Mapping[str, Any]], dsn: str) -> "Reference":
        fold = Folder(dsn)
        fold.learn({text for each in records for text in (each["title"], *each["cast"])})
        fold.learn({genre for each in records for genre in each["genres"]})
        return cls([{"id": identity_of(each), **each} for each in records], fold)

    def find(self, **query: Any) -> list[dict[str, Any]]:
        """Returns everything that parameters as in a URL find, in their order."""
        sort = query.get("sort", "-year")
        found = [movie for movie in self.movies if self._matches(movie, query)]
        return sorted(found, key=lambda movie: self._place(movie, sort), reverse=sort[0] == "-")

    def _matches(self, movie: dict[str, Any], query: dict[str, Any]) -> bool:
        fold = self.fold
        return (
            all(fold(term) in fold(movie["title"]) for term in query.get("title", ()))
            and all(
                any(fold(term) in fold(text) for text in movie[field])
                for name, field in (("actor", "cast"), ("genre", "genres"))
                for term in query.get(name, ())
            )
            and int(query.get("year", movie["year"])) == movie["year"]
            and int(query.get("year_from", 0)) <= movie["year"] <= int(query.get("year_to", 9999))
        )

    def _place(self, movie: dict[str, Any], sort: str) -> tuple[Any, uuid.UUID]:
        by_year = sort.endswith("year")
        return (movie["year"] if by_year else self.fold(movie["title"])[:TITLE_KEY_LENGTH]), movie[
            "id"
        ]


def identity_of(record: Mapping[str, Any]) -> uuid.UUID:
    return movie_id(record["title"], record["year"], record["cast"])


def ids_of(movies: list[dict[str, Any]]) -> list[uuid.UUID]:
    return [movie["id"] for movie in movies]
