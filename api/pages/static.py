"""What pages are made of beside HTML: styles, scripts and fonts, from this folder alone.

They are served under an address that names their content, and so may be kept for ever.
"""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flask import Response, abort

from api.caching import fixed

_HERE: Final = Path(__file__).parent
_FOLDERS: Final = (_HERE / "static", _HERE / "static" / "vendor")
_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# Crawlers may read the films and their pages, but follow no search, of which there is no end.
_ROBOTS: Final = b"""User-agent: *
Allow: /ui/static/
Disallow: /ui/
Disallow: /imports
Disallow: /movies
Disallow: /suggest
Disallow: /*?
"""
_KEEP_FOR_EVER: Final = "public, max-age=31536000, immutable"


def address_of(name: str) -> str:
    """Returns the address of a file, relative to that of the search. Raises KeyError."""
    return f"ui/static/{mark_of_files()}/{_files()[name].name}"


def serve(mark: str, name: str) -> Response:
    """Answers a file. Under the mark of another release it is not to be kept: it is another."""
    path = _files().get(name)
    if path is None:
        abort(404)
    body = path.read_bytes()
    answer = fixed(body, hashlib.sha256(body).hexdigest()[:32], _CONTENT_TYPES[path.suffix])
    if mark == mark_of_files():
        answer.headers["Cache-Control"] = _KEEP_FOR_EVER
    return answer


def serve_robots() -> Response:
    """Answers what crawlers may ask for (RFC 9309)."""
    tag = hashlib.sha256(_ROBOTS).hexdigest()[:32]
    return fixed(_ROBOTS, tag, "text/plain; charset=utf-8")


@functools.cache
def mark_of_files() -> str:
    """Returns a mark of all the files: styles name fonts, so that they change together."""
    digest = hashlib.sha256()
    for name, path in sorted(_files().items()):
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def mark_of_pages() -> str:
    """Returns a mark of all that makes the pages what they are, their code included."""
    digest = hashlib.sha256(mark_of_files().encode())
    for path in sorted(_HERE.glob("*.py")) + sorted(_HERE.glob("templates/*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def _files() -> Mapping[str, Path]:
    return {
        path.name: path
        for folder in _FOLDERS
        for path in folder.iterdir()
        if path.suffix in _CONTENT_TYPES
    }
