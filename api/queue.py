"""The one file of the API that knows Celery: it puts a notification into the queue, by name.

The settings bound how long a request waits when SQS does not answer: about four seconds in place of
more than a minute.
"""

from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from celery import Celery
from kombu.exceptions import OperationalError

from api.errors import QueueUnavailableError
from schemas.notification import IMPORT_QUEUE, Notification, message_for

_CLIENT: Final = {
    "connect_timeout": 1,
    "read_timeout": 2,
    "retries": {"total_max_attempts": 2, "mode": "standard"},
}


class ImportQueue:
    """The queue of imports. Nothing is opened before the first message is sent."""

    def __init__(self, *, region: str, url: str) -> None:
        self._celery = Celery("api", set_as_current=False)
        self._celery.conf.update(_configuration(region, url))

    def send(self, notification: Notification, *, request_id: str) -> None:
        """Asks for an import. Raises QueueUnavailableError unless SQS confirmed the message."""
        try:
            self._celery.send_task(**message_for(notification, request_id=request_id))
        except (OperationalError, ClientError, BotoCoreError) as error:
            # kombu wraps some errors of botocore and lets others through.
            raise QueueUnavailableError(
                "The queue did not take the notification. Send it again."
            ) from error


def _configuration(region: str, url: str) -> dict[str, Any]:
    return {
        "broker_url": "sqs://",  # no keys in it: boto3 finds credentials, and renews them
        "broker_transport_options": {
            "region": region,
            "predefined_queues": {IMPORT_QUEUE: {"url": url}},
            "client-config": _CLIENT,
        },
        "broker_pool_acquire_timeout": 2,
        "task_publish_retry": False,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
    }
