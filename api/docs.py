"""GET /openapi.json, for programs."""

from flask import Blueprint, Response

from api.answers import JSON_CONTENT_TYPE
from api.caching import fixed
from api.services import services

blueprint = Blueprint("docs", __name__)


@blueprint.get("/openapi.json")
def show_document() -> Response:
    """Answers the OpenAPI document."""
    return fixed(services().document, services().release, JSON_CONTENT_TYPE)
