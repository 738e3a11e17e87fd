"""Makes the API for a test, and what a test says to it."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask

from api.app import create_app
from api.settings import Settings
from local.database import environment_of
from schemas.settings import Environment
from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.builders import OPERATOR_TOKEN, SECRET

BUCKET: Final = "movies-r-us"
AS_OPERATOR: Final = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
NOWHERE: Final = "http://127.0.0.1:1/queue"  # nothing listens there


def make_api(dsn: str = "postgresql://nobody@127.0.0.1:1/none", **environment: str) -> Flask:
    """Makes the API on a database; nothing is there unless a test says so."""
    return create_app(Settings.read(Environment(api_environment(dsn, **environment))))


def api_environment(dsn: str, **changes: str) -> dict[str, str]:
    """Returns the environment that the API is told, with a test's changes."""
    return {
        **environment_of(dsn),
        "AWS_REGION": "eu-west-1",
        "MRU_QUEUE_URL": NOWHERE,
        "MRU_BUCKETS": f"{BUCKET},another-bucket",
        "MRU_NOTIFICATION_SECRET": SECRET,
        "MRU_IMPORTS_VISIBILITY": "public",
        "MRU_SHOW_INVALID_RECORDS": "true",
        "MRU_OPERATOR_TOKEN": OPERATOR_TOKEN,
        **changes,
    }


def make_signed(
    body: Mapping[str, Any] | bytes, *, secret: str = SECRET, timestamp: int | None = None
) -> dict[str, Any]:
    """Returns what Flask's test client needs to post a signed notification."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    moment = int(time.time()) if timestamp is None else timestamp
    signature = sign(secret, moment, content)
    return {
        "data": content,
        "content_type": "application/json",
        "headers": {TIMESTAMP_HEADER: str(moment), SIGNATURE_HEADER: signature},
    }
