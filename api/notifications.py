"""POST /notifications: takes the notifier's word that an object arrived, and queues its import."""

import dataclasses
import time
from typing import Any, Final

import orjson
import structlog
from flask import Response, request
from marshmallow import Schema, ValidationError, fields
from werkzeug.exceptions import RequestEntityTooLarge

from api.answers import JSON_CONTENT_TYPE, answer
from api.document import LOCATION, Blueprint
from api.errors import ForbiddenError, InvalidError, UnsignedError, WrongContentTypeError
from api.observe import request_id
from api.services import services
from schemas.fields import flatten_messages
from schemas.notification import Notification, NotificationSchema, load_notification
from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, verify

# The longest body that the schema could take is a tenth of this.
BODY_MAX_BYTES: Final = 64 * 1024

logger = structlog.stdlib.get_logger(__name__)

blueprint = Blueprint("notifications", __name__, description="Where new objects are announced.")


class AcceptedSchema(Schema):
    """The answer to a notification: where its import can be watched."""

    import_ = fields.String(
        required=True,
        data_key="import",
        metadata={"example": "/imports/3f2b8f6e-52f4-5c43-8e0a-7f6f5a0c9a11"},
    )


def _signature_header(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {
        "in": "header",
        "name": name,
        "required": True,
        "description": description,
        "schema": schema,
    }


@blueprint.route("/notifications", methods=["POST"])
@blueprint.documents(
    parameters=[
        _signature_header(TIMESTAMP_HEADER, "Whole seconds since 1970, UTC."),
        _signature_header(
            SIGNATURE_HEADER, '"v1=" and HMAC-SHA256, in hexadecimal, of timestamp, "." and body.'
        ),
    ],
    requestBody={
        "required": True,
        "content": {JSON_CONTENT_TYPE: {"schema": NotificationSchema}},
    },
)
@blueprint.answers(202, AcceptedSchema, description="The import is queued.", headers=LOCATION)
@blueprint.problems(401, 403, 413, 415, 422, 503)
def take_notification() -> Response:
    """Announce a new object, and queue its import

    The same event may be sent any number of times: it is imported once.
    """
    notification = _read(_signed_body())
    if notification.bucket not in services().settings.buckets:
        raise ForbiddenError("The bucket is none of those whose objects are imported.")
    services().queue.send(notification, request_id=request_id())
    logger.info(
        "import queued",
        import_id=str(notification.id),
        bucket=notification.bucket,
        key=notification.key,
    )
    address = f"/imports/{notification.id}"
    return answer({"import": address}, status=202, headers={"Location": address})


def _signed_body() -> bytes:
    if request.mimetype != JSON_CONTENT_TYPE:
        raise WrongContentTypeError(f"The body must be {JSON_CONTENT_TYPE}.")
    body = _bounded_body()
    try:
        verify(
            services().settings.notification_secrets,
            request.headers.get(TIMESTAMP_HEADER),
            request.headers.get(SIGNATURE_HEADER),
            body,
            now=time.time(),
        )
    except SignatureError as error:
        raise UnsignedError(str(error)) from error
    return body


def _bounded_body() -> bytes:
    # A body that does not say how long it is would be cut at the limit without a word; one byte
    # beyond it tells.
    request.max_content_length = BODY_MAX_BYTES + 1
    body = request.get_data(cache=False)
    if len(body) > BODY_MAX_BYTES:
        raise RequestEntityTooLarge(f"The body must not be longer than {BODY_MAX_BYTES} bytes.")
    return body


def _read(body: bytes) -> Notification:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidError([("body", f"Must be JSON: {error}.")]) from error
    if not isinstance(decoded, dict):
        raise InvalidError([("body", "Must be a JSON object.")])
    decoded.pop("id", None)  # ids are given here, by what the event says
    try:
        notification = load_notification(decoded)
    except ValidationError as error:
        raise InvalidError(flatten_messages(error)) from error
    if notification.request_id is None:
        return dataclasses.replace(notification, request_id=request_id())
    return notification
