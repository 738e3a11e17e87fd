"""POST /notifications: takes the notifier's word that an object arrived, and queues its import."""

import dataclasses
import time
from typing import Final

from flask import Response, request
from marshmallow import ValidationError

from api.announcing import AcceptedSchema, announce
from api.answers import JSON_CONTENT_TYPE
from api.bodies import NOTIFICATION_MAX_BYTES, NOTIFICATIONS, decode_body, read_body
from api.components import SCHEMAS, SIGNATURE, example_of
from api.document import Blueprint
from api.errors import ForbiddenError, InvalidError, UnsignedError
from api.observe import request_id
from api.services import services
from schemas.fields import flatten_messages
from schemas.notification import Notification, load_notification
from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, verify

blueprint = Blueprint("notifications", __name__, description="Where new objects are announced.")


_EVENT: Final = example_of(SCHEMAS["Notification"])
_BARE: Final = {name: _EVENT[name] for name in ("bucket", "key")}


@blueprint.route(NOTIFICATIONS, methods=["POST"])
@blueprint.documents(
    security=[{name: [] for name in SIGNATURE}],
    requestBody={
        "required": True,
        "content": {
            JSON_CONTENT_TYPE: {
                "schema": SCHEMAS["Notification"],
                "examples": {
                    "bare": {"summary": "The least", "value": _BARE},
                    "event": {"summary": "What the notifier sends", "value": _EVENT},
                },
            }
        },
    },
)
@blueprint.answers(202, AcceptedSchema, description="The import is queued.", headers=("Location",))
@blueprint.problems(401, 403, 408, 411, 413, 415, 422, 503)
def take_notification() -> Response:
    """Announce a new object, and queue its import

    The same event may be sent any number of times: it is imported once.
    """
    notification = _read(_signed_body())
    if notification.bucket not in services().settings.buckets:
        raise ForbiddenError("The bucket is none of those whose objects are imported.")
    return announce(notification)


def _signed_body() -> bytes:
    body = read_body(NOTIFICATION_MAX_BYTES)
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


def _read(body: bytes) -> Notification:
    decoded = decode_body(body)
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
