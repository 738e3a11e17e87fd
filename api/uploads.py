"""POST /movies: a file of movies for who has no bucket at hand. Off, unless it is allowed.

The API writes nothing to the database here either: the file goes into the bucket, and from there
the way of all files.
"""

import itertools
import uuid
from collections.abc import Iterator
from typing import Any, Final

from flask import Response
from marshmallow import ValidationError

from api.announcing import AcceptedSchema, announce
from api.answers import JSON_CONTENT_TYPE
from api.bodies import POSTED_MAX_BYTES, decode_body, read_body
from api.components import SCHEMAS, example_of
from api.document import Blueprint
from api.errors import Faults, ForbiddenError, InvalidError
from api.observe import request_id
from api.services import services
from schemas.compiled import compile_loader
from schemas.fields import flatten_messages
from schemas.movie import MovieSchema
from schemas.notification import Notification, load_notification

KEY_PREFIX: Final = "posted/"
_FAULTS_MAX: Final = 100  # as many as a problem document lists

blueprint = Blueprint("uploads", __name__, description="An entry for trying things out.")

_MOVIE: Final = SCHEMAS["NewMovie"]
_load = compile_loader(MovieSchema())

_FILE: Final = {
    "schema": {"oneOf": [{"type": "array", "items": _MOVIE}, _MOVIE]},
    "example": [example_of(_MOVIE)],
}


@blueprint.route("/movies", methods=["POST"])
@blueprint.documents(requestBody={"required": True, "content": {JSON_CONTENT_TYPE: _FILE}})
@blueprint.answers(202, AcceptedSchema, description="The import is queued.", headers=("Location",))
@blueprint.problems(403, 408, 411, 413, 415, 422, 503)
def post_movies() -> Response:
    """Post a file of movies

    For trying things out, and off by default: files belong into the bucket. The body is put there
    as an object of its own, and imported from there as any other.
    """
    if not services().settings.allow_post_movies:
        raise ForbiddenError(
            "Movies cannot be posted here: put files into the bucket. "
            "Whoever runs this API may set MRU_ALLOW_POST_MOVIES to true."
        )
    body = read_body(POSTED_MAX_BYTES)
    _check(decode_body(body))
    return announce(_store(body))


def _store(body: bytes) -> Notification:
    stored = services().bucket.put(f"{KEY_PREFIX}{uuid.uuid4()}.json", body)
    # S3 announces the object as well, by an event of its own; the ledger knows that they mean the
    # same version, and the import has either's id.
    return load_notification(
        {
            "bucket": stored.bucket,
            "key": stored.key,
            "version_id": stored.version_id,
            "etag": stored.etag,
            "size": len(body),
            "request_id": request_id(),
        }
    )


def _check(decoded: Any) -> None:
    # The worker would find the same, but only after who posted has gone.
    faults = list(itertools.islice(_faults_in(decoded), _FAULTS_MAX))
    if len(faults) == _FAULTS_MAX:
        raise InvalidError(faults, complete=False)
    if faults:
        raise InvalidError(faults)


def _faults_in(decoded: Any) -> Iterator[tuple[str, str]]:
    """Yields the faults of a file, each found when it is asked for: to find one takes its time."""
    if isinstance(decoded, dict):
        yield from _faults_of(decoded)
    elif isinstance(decoded, list):
        for index, record in enumerate(decoded):
            for field, message in _faults_of(record):
                yield (f"[{index}].{field}" if field else f"[{index}]", message)
    else:
        yield ("body", "Must be a JSON array of movies, or one movie.")


def _faults_of(record: Any) -> Faults:
    try:
        _load(record)
    except ValidationError as error:
        return flatten_messages(error)
    return ()
