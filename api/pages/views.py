"""Where the pages are, and what a reader sees when one fails."""

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from api.errors import ApiError, UnauthorizedError
from api.pages import ledger, operator, rendering, search, static
from api.problems import answer_http_exception

logger = structlog.stdlib.get_logger(__name__)

blueprint = Blueprint("pages", __name__)

blueprint.add_url_rule("/", view_func=search.show_page, endpoint="search")
blueprint.add_url_rule("/ui/search", view_func=search.show_found, endpoint="found")
blueprint.add_url_rule("/ui/facets", view_func=search.show_facets, endpoint="facets")
blueprint.add_url_rule("/ui/imports", view_func=ledger.show_page, endpoint="imports")
blueprint.add_url_rule("/ui/imports/list", view_func=ledger.show_list, endpoint="ledger")
blueprint.add_url_rule("/ui/imports/activity", view_func=ledger.show_activity, endpoint="activity")
blueprint.add_url_rule("/ui/imports/<import_id>", view_func=ledger.show_one, endpoint="import")
blueprint.add_url_rule(
    "/ui/imports/<import_id>/errors", view_func=ledger.show_bad_records, endpoint="bad_records"
)
blueprint.add_url_rule("/ui/operator", view_func=operator.show_page, endpoint="operator")
blueprint.add_url_rule(
    "/ui/operator", view_func=operator.sign_in, endpoint="sign_in", methods=["POST"]
)
blueprint.add_url_rule("/robots.txt", view_func=static.serve_robots, endpoint="robots")
blueprint.add_url_rule("/ui/static/<mark>/<name>", view_func=static.serve, endpoint="static")


@blueprint.errorhandler(HTTPException)
def _answer_http_exception(error: HTTPException) -> Response:
    return answer_http_exception(error)


@blueprint.errorhandler(ApiError)
def _answer_api_error(error: ApiError) -> Response:
    if isinstance(error, UnauthorizedError):
        return operator.ask_to_sign_in(error.detail, _root())
    return rendering.show_failure(error, _root())


@blueprint.errorhandler(Exception)
def _answer_unforeseen(error: Exception) -> Response:
    logger.error("request failed", exc_info=error)
    unforeseen = ApiError("Something went wrong here. The server's logs say what.")
    return rendering.show_failure(unforeseen, _root())


def _root() -> str:
    return "../" * (request.path.count("/") - 1) or "./"
