"""GET /movies, the search, and GET /movies/{id}."""

import uuid
from typing import Any

from flask import Response, request

from api import queries
from api.answers import answer, link_header
from api.document import LINK, Blueprint
from api.errors import NotFoundError
from api.parameters import read_pairs
from api.services import services
from schemas.movie import MovieSchema
from schemas.search import MovieSearchSchema

blueprint = Blueprint("movies", __name__, description="Films, and how to find them.")


@blueprint.route("/movies")
@blueprint.query(MovieSearchSchema)
@blueprint.answers(
    200, MovieSchema(many=True), description="A page of movies, the newest first.", headers=LINK
)
@blueprint.problems(503)
def search_movies(query: dict[str, Any]) -> Response:
    """Find movies by title, actor, genre and year

    Text filters are substrings of any length; neither case nor accents matter, and wildcards mean
    themselves. All filters may be combined, and the text filters repeated: then all must match.
    """
    with services().database.connect() as connection:
        page = queries.search_movies(connection, query)
    pairs = read_pairs(request.query_string)
    links = link_header(request.path, pairs, pager="cursor", following=page.following)
    return answer(page.rows, headers=links)


@blueprint.route("/movies/<uuid:movie_id>")
@blueprint.answers(200, MovieSchema, description="The movie.")
@blueprint.problems(404, 503)
def show_movie(movie_id: uuid.UUID) -> Response:
    """Show one movie"""
    with services().database.connect() as connection:
        movie = queries.find_movie(connection, movie_id)
    if movie is None:
        raise NotFoundError(f"There is no movie with the id {movie_id}.")
    return answer(movie)
