"""GET /openapi.json, for programs, and GET /docs, the same for people.

The page is Swagger UI, served from here with all that it needs; its policy forbids the browser to
ask anybody else.
"""

import functools
import hashlib
from pathlib import Path
from typing import Final

import flask_swagger_ui
from flask import Blueprint, Response, abort

from api.answers import JSON_CONTENT_TYPE
from api.caching import fixed
from api.services import services

_OURS: Final = Path(__file__).parent / "pages"
_SWAGGER_UI: Final = Path(flask_swagger_ui.__file__).parent / "dist"

_HTML: Final = "text/html; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"
_PARTS: Final = {
    "start.js": (_OURS / "docs.js", _SCRIPT),
    "swagger-ui-bundle.js": (_SWAGGER_UI / "swagger-ui-bundle.js", _SCRIPT),
    "swagger-ui.css": (_SWAGGER_UI / "swagger-ui.css", "text/css; charset=utf-8"),
    "favicon-32x32.png": (_SWAGGER_UI / "favicon-32x32.png", "image/png"),
}

# Swagger UI writes styles into its elements, and carries its pictures in itself.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

blueprint = Blueprint("docs", __name__)


@blueprint.get("/openapi.json")
def show_document() -> Response:
    """Answers the OpenAPI document."""
    return fixed(services().document, services().release, JSON_CONTENT_TYPE)


@blueprint.get("/docs")
def show_page() -> Response:
    """Answers the page."""
    answer = _file(_OURS / "docs.html", _HTML)
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


@blueprint.get("/docs/<name>")
def show_part(name: str) -> Response:
    """Answers a script, style or picture of the page."""
    if name not in _PARTS:
        abort(404)
    return _file(*_PARTS[name])


def _file(path: Path, content_type: str) -> Response:
    return fixed(_read(path), _tag(path), content_type)


@functools.cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


@functools.cache
def _tag(path: Path) -> str:
    return hashlib.sha256(_read(path)).hexdigest()[:32]
