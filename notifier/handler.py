"""An S3 event in, one signed POST to the API for each object out.

The standard library alone, so that it is deployed by zipping this folder. It imports no other room:
what it repeats of the schemas, the signature above all, contract tests hold together.
"""

import dataclasses
import functools
import hashlib
import hmac
import http.client
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote_plus

from notifier.settings import SettingError, Settings, read_settings

CREATED: Final = "ObjectCreated:"
TEST_EVENT: Final = "s3:TestEvent"
_ANSWER_BYTES: Final = 65536
_UNPRINTABLE: Final = re.compile(r"[^ -~]")


class NotifierError(Exception):
    """The root of what goes wrong with an event.

    NotifierError
    ├── BadEventError
    └── NotTakenError
    """


class BadEventError(NotifierError):
    """What came is no S3 event, or a record of it is not as S3 writes it."""


class NotTakenError(NotifierError):
    """The API did not take some of an event's objects; Lambda delivers the whole event again."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the API said: its status, the address of the import, and the reason where it refused."""

    status: int
    location: str | None
    reason: str


def handle(event: Any, context: Any) -> dict[str, int]:
    """Tells the API of every object that an S3 event says was created. Lambda's entry point.

    Returns how many records were sent and how many ignored. Raises BadEventError where there is no
    S3 event, SettingError, which is logged, too, and NotTakenError, after all records were tried,
    where one of them did not go through: Lambda then delivers the event again, and the API takes an
    object twice without harm.
    """
    records = unpack(event)
    client = _client()
    faults = []
    sent = 0
    for record in records:
        try:
            notification = read_record(record, context)
            if notification is not None:
                send(client, notification)
                sent += 1
        except NotifierError as error:
            faults.append(str(error))
    if faults:
        raise NotTakenError(f"{len(faults)} of {len(records)} records failed: {'; '.join(faults)}")
    return {"sent": sent, "ignored": len(records) - sent}


def unpack(event: Any) -> list[Any]:
    """Returns the records of an S3 event, and none for the test event of a new notification."""
    if not isinstance(event, dict):
        raise BadEventError(f"An S3 event must be an object, not {type(event).__name__}.")
    if event.get("Event") == TEST_EVENT:
        log("info", "test event ignored", bucket=event.get("Bucket"))
        return []
    records = event.get("Records")
    if not isinstance(records, list):
        raise BadEventError("An S3 event must have a list of Records.")
    return records


def read_record(record: Any, context: Any) -> dict[str, Any] | None:
    """Returns what the API is told of a record, and None for one that is about no new object.

    Raises BadEventError, which names the place, for a record that S3 would not write.
    """
    event_name = _dig(record, "eventName", str)
    bucket = _dig(record, "s3.bucket.name", str)
    key = _decode_key(_dig(record, "s3.object.key", str))
    if not event_name.removeprefix("s3:").startswith(CREATED):
        log("info", "record ignored", event_name=event_name, bucket=bucket, key=key)
        return None
    notification = {
        "bucket": bucket,
        "key": key,
        "version_id": _dig(record, "s3.object.versionId", str, required=False),
        "etag": _dig(record, "s3.object.eTag", str, required=False),
        "size": _dig(record, "s3.object.size", int, required=False),
        "sequencer": _dig(record, "s3.object.sequencer", str, required=False),
        "event_time": _dig(record, "eventTime", str, required=False),
        "request_id": _request_id(record, context),
    }
    return {name: value for name, value in notification.items() if value not in (None, "")}


def send(client: "ApiClient", notification: dict[str, Any]) -> None:
    """Posts one notification and logs what became of it.

    Raises NotTakenError, naming bucket, key and status, unless the API accepted it.
    """
    named = {name: notification.get(name) for name in ("bucket", "key", "request_id")}
    started = time.monotonic()
    try:
        answer = client.post(notification)
    except (OSError, http.client.HTTPException) as error:
        reason = f"{type(error).__name__}: {error}"
        log("error", "notification failed", **named, reason=reason)
        raise NotTakenError(
            f"s3://{named['bucket']}/{named['key']}: no answer ({reason})"
        ) from error
    taken = 200 <= answer.status < 300
    if answer.status == http.HTTPStatus.UNAUTHORIZED:
        client.close()
        _client.cache_clear()  # the secret may have been replaced: the next try reads it anew
    log(
        "info" if taken else "error",
        "notification sent" if taken else "notification refused",
        **named,
        status=answer.status,
        location=answer.location,
        reason=answer.reason or None,
        seconds=round(time.monotonic() - started, 4),
    )
    if not taken:
        raise NotTakenError(
            f"s3://{named['bucket']}/{named['key']}: status {answer.status} ({answer.reason})"
        )


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Returns the value of X-MRU-Signature; `schemas.signature.sign` is the same."""
    message = str(timestamp).encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class ApiClient:
    """One connection to the API, kept open from one invocation of a warm sandbox to the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: http.client.HTTPConnection | None = None

    def post(self, notification: dict[str, Any]) -> Answer:
        """Signs and posts a notification; once more on a new connection where a kept one is dead.

        Raises OSError or HTTPException when there is no answer.
        """
        reused = self._connection is not None
        try:
            return self._exchange(notification)
        except (OSError, http.client.HTTPException):
            self.close()
            if not reused:
                raise
        return self.post(notification)

    def close(self) -> None:
        """Forgets the connection; the next post opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, notification: dict[str, Any]) -> Answer:
        body = json.dumps(notification, separators=(",", ":")).encode()
        connection = self._connect()
        connection.request("POST", self._settings.path, body, self._headers(body, notification))
        response = connection.getresponse()
        content = response.read(_ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        location = response.headers.get("Location")
        return Answer(response.status, location, _reason(response, content))

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            url, patience = self._settings.url, self._settings.connect_seconds
            https = url.scheme == "https"
            kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
            connection = kind(url.hostname or "", url.port, timeout=patience)
            connection.connect()
            connection.sock.settimeout(self._settings.read_seconds)
            self._connection = connection
        return self._connection

    def _headers(self, body: bytes, notification: dict[str, Any]) -> dict[str, str]:
        now = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "movies-r-us-notifier",
            "X-MRU-Timestamp": str(now),
            "X-MRU-Signature": sign(self._settings.secret, now, body),
        }
        if "request_id" in notification:
            headers["X-Request-ID"] = notification["request_id"]
        return headers


def log(level: str, event: str, **fields: Any) -> None:
    """Writes one JSON line to standard output, which is where Lambda collects logs."""
    line = {"timestamp": datetime.now(UTC).isoformat(), "level": level, "room": "notifier"}
    known = {name: value for name, value in fields.items() if value is not None}
    sys.stdout.write(json.dumps({**line, "event": event, **known}) + "\n")
    sys.stdout.flush()


@functools.cache
def _client() -> ApiClient:
    # Made at the first invocation and kept as long as the sandbox lives; a failure is not kept.
    try:
        return ApiClient(read_settings(os.environ))
    except SettingError as error:
        log("error", "setting not usable", reason=str(error))
        raise


def _dig(record: Any, path: str, kind: type, *, required: bool = True) -> Any:
    node = record
    for name in path.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    if type(node) is kind or (node is None and not required):
        return node
    raise BadEventError(f"Records[].{path} must be {kind.__name__}, not {type(node).__name__}.")


def _decode_key(key: str) -> str:
    # S3 writes keys as forms do: '+' is a space, '%2B' a plus, '%2F' a slash.
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise BadEventError(f"s3.object.key {key!r} is not URL-encoded UTF-8.") from error


def _request_id(record: dict[str, Any], context: Any) -> str | None:
    elements = record.get("responseElements")
    ids = elements if isinstance(elements, dict) else {}
    found = ids.get("x-amz-request-id") or getattr(context, "aws_request_id", None)
    return _UNPRINTABLE.sub("", str(found))[:128] or None if found else None


def _reason(response: http.client.HTTPResponse, content: bytes) -> str:
    if 200 <= response.status < 300:
        return ""
    try:
        problem = json.loads(content)
        faults = [f"{fault['field']}: {fault['message']}" for fault in problem.get("errors", [])]
        return ", ".join([problem.get("detail") or problem["title"], *faults])[:500]
    except (ValueError, KeyError, TypeError, AttributeError):
        return response.reason
