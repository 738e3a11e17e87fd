"""What the notifier tells the API, and what the API hands to the worker: one object's arrival."""

import dataclasses
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates

from schemas.fields import Text, WholeNumber

# The one task and the one queue of the project, by which API and worker know each other.
IMPORT_TASK: Final = "worker.import_object"
IMPORT_QUEUE: Final = "imports"

KEY_MAX_BYTES: Final = 1024  # S3 user guide, "Naming Amazon S3 objects"
SEQUENCER_DIGITS: Final = 64

# Fixed for ever: ids made with it stand in the ledger and in the API's answers.
IMPORT_NAMESPACE: Final = uuid.UUID("0b0f0c56-0a77-5d0c-8c55-5c2fa8f1b9a4")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Notification:
    """One object's arrival. Only bucket and key are certain; the seed's clients send no more.

    `id` is the address of the import: the same event has the same id however often it is
    delivered. `size` is in bytes, as stored in S3.
    """

    id: uuid.UUID
    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None
    size: int | None = None
    sequencer: str | None = None
    event_time: datetime | None = None
    request_id: str | None = None


def notification_id(
    bucket: str,
    key: str,
    *,
    version_id: str | None = None,
    etag: str | None = None,
    sequencer: str | None = None,
    event_time: datetime | None = None,
) -> uuid.UUID:
    """Returns the id of the import that an event asks for.

    An event that says more than bucket and key always has the same id, so that its duplicates fall
    together. A bare {bucket, key} says nothing of which version is meant, so that each is an event
    of its own; the worker finds out from S3 whether that version is imported already.
    """
    # One moment has many spellings; the id is made of the one in UTC.
    moment = event_time.astimezone(UTC).isoformat() if event_time else None
    marks = (version_id, etag, sequencer, moment)
    if not any(marks):
        return uuid.uuid4()
    return uuid.uuid5(IMPORT_NAMESPACE, "\0".join((bucket, key, *(mark or "" for mark in marks))))


class _ObjectKey(fields.String):
    """An S3 key: any UTF-8 of 1 to 1,024 bytes, kept exactly as it is, but for NUL."""

    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "length": f"Must be 1 to {KEY_MAX_BYTES} bytes of UTF-8 without NUL."
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        key: str = super()._deserialize(value, *args, **kwargs)
        try:
            size = len(key.encode())
        except UnicodeEncodeError:
            raise self.make_error("length") from None
        if not 1 <= size <= KEY_MAX_BYTES or "\0" in key:
            raise self.make_error("length")
        return key


class NotificationSchema(Schema):
    """The body of `POST /notifications` and the argument of the worker's task.

    The seed's two fields are enough. Fields that this version does not know are ignored, so that
    notifier, API and worker can be deployed in any order.

    Examples that pass:
        {"bucket": "movies-r-us", "key": "movies.json"}
        {"bucket": "movies-r-us", "key": "a b/movies.json", "etag": "d41d8cd98f", "size": 0,
         "sequencer": "0055AED6DCD90281E5", "event_time": "2026-11-24T08:00:00.000Z"}
    Examples that do not:
        {"bucket": "movies-r-us"}
        {"bucket": "movies-r-us", "key": ""}
        {"bucket": "movies-r-us", "key": "movies.json", "size": -1}
    """

    class Meta:
        unknown = EXCLUDE

    id = fields.UUID(metadata={"description": "Set by the API; ignored in a request."})
    bucket = Text(required=True, max_length=255, metadata={"example": "movies-r-us"})
    key = _ObjectKey(
        required=True,
        metadata={
            "minLength": 1,
            "maxLength": KEY_MAX_BYTES,
            "pattern": r"^[^\x00]*$",
            "description": f"As S3 has it, not URL-encoded: up to {KEY_MAX_BYTES} bytes of UTF-8.",
            "example": "movies.json",
        },
    )
    version_id = Text(
        max_length=1024,
        load_default=None,
        allow_none=True,
        metadata={"example": "096fKKXTRTtl3on89fVO.nfljtsv6qko"},
    )
    etag = Text(
        max_length=200,
        load_default=None,
        allow_none=True,
        metadata={"example": "d41d8cd98f00b204e9800998ecf8427e"},
    )
    size = WholeNumber(
        minimum=0,
        maximum=2**63 - 1,
        load_default=None,
        allow_none=True,
        metadata={"description": "Bytes as stored in S3.", "example": 2453005},
    )
    sequencer = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(
            rf"[0-9A-Fa-f]{{1,{SEQUENCER_DIGITS}}}\Z",
            error=f"Must be 1 to {SEQUENCER_DIGITS} hexadecimal digits.",
        ),
        # As JSON Schema writes it: there the end of a pattern is the end of the text.
        metadata={
            "pattern": f"^[0-9A-Fa-f]{{1,{SEQUENCER_DIGITS}}}$",
            "example": "0055AED6DCD90281E5",
        },
    )
    event_time = fields.AwareDateTime(
        format="iso",
        default_timezone=UTC,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "When, by S3's clock; of the years 1971 to 9998.",
            "example": "2026-11-24T08:00:00.123Z",
        },
    )
    request_id = Text(
        max_length=200,
        load_default=None,
        allow_none=True,
        metadata={"description": "S3's own, of the upload.", "example": "C3D13FE58DE4C810"},
    )

    @validates("event_time")
    def _is_a_sane_time(self, value: datetime | None, data_key: str) -> None:  # noqa: ARG002
        # Later years overflow when a time zone is subtracted from them.
        if value is not None and not 1970 < value.year < 9999:
            raise ValidationError("Must be between 1971 and 9998.")


def load_notification(body: Any) -> Notification:
    """Builds a Notification from decoded JSON, with the id that its event has.

    Raises marshmallow's ValidationError with every fault of the body.
    """
    loaded: dict[str, Any] = NotificationSchema().load(body)
    known = loaded.pop("id", None)
    event = {name: loaded[name] for name in ("version_id", "etag", "sequencer", "event_time")}
    made = notification_id(loaded["bucket"], loaded["key"], **event)
    return Notification(id=known or made, **loaded)


def dump_notification(notification: Notification) -> dict[str, Any]:
    """Turns a Notification into what JSON can carry, without what is not known."""
    dumped: dict[str, Any] = NotificationSchema().dump(notification)
    return {name: value for name, value in dumped.items() if value is not None}


def message_for(notification: Notification, *, request_id: str | None) -> dict[str, Any]:
    """Returns what Celery's `send_task` is given to ask for an import: who sends it and who takes
    it up know nothing more of each other.
    """
    return {
        "name": IMPORT_TASK,
        "kwargs": {"notification": dump_notification(notification)},
        "task_id": str(notification.id),
        "queue": IMPORT_QUEUE,
        "headers": {"request_id": request_id},
        "declare": [],  # it would ask for the queue's attributes, which not everyone may see
    }


def padded_sequencer(sequencer: str | None) -> str:
    """Makes S3's sequencers comparable as text: the shorter one is padded with zeros on the right.

    Rule: S3 user guide, "Event message structure": "right pad the shorter string with zeros, then
    do a lexicographical comparison". All are padded to the same length, in one case.
    """
    return sequencer.upper().ljust(SEQUENCER_DIGITS, "0") if sequencer else ""
