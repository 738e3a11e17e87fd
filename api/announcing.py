"""How an import is set off and answered: a task in the queue, and the address to watch it at."""

from typing import Final

import structlog
from flask import Response
from marshmallow import Schema, fields

from api.answers import answer
from api.observe import request_id
from api.services import services
from schemas.notification import Notification

# The same for the same event, however often it is announced.
_ADDRESS: Final = "/imports/{id}"

logger = structlog.stdlib.get_logger(__name__)


class AcceptedSchema(Schema):
    """The answer to who announced an object: where its import can be watched."""

    import_ = fields.String(
        required=True,
        data_key="import",
        metadata={
            "format": "uri-reference",
            "example": "/imports/3f2b8f6e-52f4-5c43-8e0a-7f6f5a0c9a11",
        },
    )


def announce(notification: Notification) -> Response:
    """Queues an import, and answers 202. Raises QueueUnavailableError."""
    services().queue.send(notification, request_id=request_id())
    logger.info(
        "import queued",
        import_id=str(notification.id),
        bucket=notification.bucket,
        key=notification.key,
    )
    address = _ADDRESS.format(id=notification.id)
    return answer({"import": address}, status=202, headers={"Location": address})
