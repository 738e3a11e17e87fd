"""GET /movies, the search, and what goes with it: /movies/{id}, /movies/facets, /suggest."""

import dataclasses
import uuid
from typing import Any, Final

import sqlalchemy as sa
from flask import request

from api import queries
from api.answers import Content, Place, link_header
from api.document import Blueprint
from api.errors import NotFoundError
from api.parameters import read_pairs
from schemas.facets import FacetsSchema
from schemas.movie import MovieSchema
from schemas.search import PAGE_MAXIMUM, MovieFilterSchema, MovieSearchSchema
from schemas.suggestion import SuggestionSchema, SuggestSchema

_PAGERS: Final = ("cursor", "page")

_MOVIE_ID: Final = {
    "in": "path",
    "name": "movie_id",
    "description": "The id, which is the same in every database, for ever.",
    "example": MovieSchema().fields["id"].metadata["example"],
}

blueprint = Blueprint("movies", __name__, description="Films, and how to find them.")


@blueprint.route("/movies")
@blueprint.answers(
    200,
    MovieSchema(many=True, partial=True),
    description="A page of movies, with the fields that were asked for.",
    headers=("Link", "X-Total-Count", "X-Total-Relation"),
    links={
        "movie": {
            "description": "The first of them alone.",
            "operationId": "showMovie",
            "parameters": {"movie_id": "$response.body#/0/id"},
        }
    },
)
@blueprint.conditional(MovieSearchSchema)
def search_movies(connection: sa.Connection, query: dict[str, Any]) -> Content:
    """Find movies by title, actor, genre and year

    Text filters are substrings of any length; neither case nor accents matter, and wildcards mean
    themselves. All filters may be combined, and the text filters repeated: then all must match.

    A page ends before it has a megabyte. Where its movies are very large it therefore has less of
    them than `limit` says, though more follow: go on by the `next` link, which misses none.
    """
    page = queries.search_movies(connection, query)
    return Content(page.rows, headers=_links(query, page) | _total(page))


@blueprint.route("/movies/<uuid:movie_id>", parameters=[_MOVIE_ID])
@blueprint.answers(200, MovieSchema, description="The movie.")
@blueprint.problems(404)
@blueprint.conditional()
def show_movie(connection: sa.Connection, movie_id: uuid.UUID) -> Content:
    """Show one movie"""
    movie = queries.find_movie(connection, movie_id)
    if movie is None:
        raise NotFoundError(f"There is no movie with the id {movie_id}.")
    return Content(movie)


@blueprint.route("/movies/facets")
@blueprint.answers(200, FacetsSchema, description="The numbers.")
@blueprint.conditional(MovieFilterSchema)
def count_facets(connection: sa.Connection, query: dict[str, Any]) -> Content:
    """Count the movies found, by genre and by year

    The filters are those of the search. Counting has a bounded time.
    """
    facets = queries.count_facets(connection, query)
    return Content(
        {
            "genres": [{"name": name, "count": count} for name, count in facets.genres],
            "years": [{"year": year, "count": count} for year, count in facets.years],
            "complete": facets.complete,
        }
    )


@blueprint.route("/suggest")
@blueprint.answers(200, SuggestionSchema(many=True), description="Suggestions, the best first.")
@blueprint.conditional(SuggestSchema)
def suggest(connection: sa.Connection, query: dict[str, Any]) -> Content:
    """Suggest titles and actors while one types"""
    found = queries.suggest(connection, query["term"], query["limit"])
    return Content([dataclasses.asdict(suggestion) for suggestion in found])


def _links(query: dict[str, Any], page: queries.Page) -> dict[str, str]:
    number: int | None = query.get("page")
    previous: Place | None = ("cursor", page.preceding) if page.preceding else None
    following: Place | None = ("cursor", page.following) if page.following else None
    if number is not None:
        previous = ("page", str(number - 1)) if number > 1 else None
        # Whoever counts pages comes to where pages end; from there on cursors lead. They also lead
        # to what a shortened page has left out, which no number does.
        if following and number < PAGE_MAXIMUM and not page.shortened:
            following = ("page", str(number + 1))
    pairs = read_pairs(request.query_string)
    places = {"prev": previous, "next": following}
    return link_header(request.path, pairs, pagers=_PAGERS, places=places)


def _total(page: queries.Page) -> dict[str, str]:
    if page.total is None:
        return {}
    return {"X-Total-Count": str(page.total.count), "X-Total-Relation": page.total.relation}
