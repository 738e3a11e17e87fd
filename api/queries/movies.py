"""The search for movies, and one movie by its id."""

import uuid
from typing import Any

import sqlalchemy as sa

from api.queries import ways
from api.queries.filters import read_filters
from api.queries.places import Place, cut
from api.queries.rows import Page, Total, select
from schemas.search import Count
from schemas.tables import movies

_MOVIE = (movies.c.id, movies.c.title, movies.c.year, movies.c.cast, movies.c.genres)


def is_migrated(connection: sa.Connection) -> bool:
    """Tells whether the tables are there and may be read."""
    table = sa.func.to_regclass(movies.name)
    statement = sa.select(sa.func.coalesce(sa.func.has_table_privilege(table, "select"), False))
    return bool(connection.execute(statement).scalar_one())


def search_movies(connection: sa.Connection, query: dict[str, Any]) -> Page:
    """Finds a page of movies by a query that MovieSearchSchema loaded, and counts them by the way.

    The total is left out where the query does not want it.
    """
    counted = query.get("count") is not Count.NONE
    filters = read_filters(connection, query)
    if filters is None:
        return Page([], None, None, Total(0, "eq") if counted else None)
    place = Place.of(query)
    found = ways.find(connection, filters, place, counted=counted)
    page = cut(query, place, found.rows)
    return Page(page.rows, page.following, page.preceding, found.total, page.shortened)


def find_movie(connection: sa.Connection, movie_id: uuid.UUID) -> dict[str, Any] | None:
    """Returns a movie, or None."""
    found = select(connection, sa.select(*_MOVIE).where(movies.c.id == movie_id))
    return found[0] if found else None
