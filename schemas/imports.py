"""What an import is: one object version, read once, and what became of each of its records."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from marshmallow import Schema, fields


class ImportStatus(StrEnum):
    """Where an import stands. Only an operator changes an end: by a retry, or by undoing it."""

    QUEUED = "queued"  # asked for by an operator; no worker has taken it up yet
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"  # overwritten before it could be read, and no version names it
    UNDONE = "undone"  # it succeeded, and an operator took back what it had brought


class OnError(StrEnum):
    """What a bad record does to its file."""

    FAIL = "fail"  # the file is taken whole or not at all
    CONTINUE = "continue"  # the good records are taken, the bad ones are kept beside the ledger


class ErrorCode(StrEnum):
    """Why an import failed: for programs to branch on, and for operators to retry by."""

    MISSING_OBJECT = "missing_object"
    MISSING_BUCKET = "missing_bucket"
    ACCESS_DENIED = "access_denied"
    EMPTY = "empty"
    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    TRUNCATED = "truncated"
    BAD_COMPRESSION = "bad_compression"
    WRONG_TOP_LEVEL = "wrong_top_level"
    TOO_DEEP = "too_deep"
    RECORD_TOO_LARGE = "record_too_large"
    OBJECT_TOO_LARGE = "object_too_large"
    UNPACKED_TOO_LARGE = "unpacked_too_large"
    BAD_RECORDS = "bad_records"
    GAVE_UP = "gave_up"  # what time should have mended was not mended in time


class ActionKind(StrEnum):
    """What an operator did to an import."""

    RETRY = "retry"
    REDRIVE = "redrive"  # its dead letter was put back on the road
    UNDO = "undo"
    FORGET_ERRORS = "forget_errors"  # its invalid records were deleted


def _count(description: str, example: int) -> fields.Integer:
    return fields.Integer(
        required=True, metadata={"description": description, "minimum": 0, "example": example}
    )


def _moment(description: str, example: str, *, allow_none: bool = False) -> fields.AwareDateTime:
    return fields.AwareDateTime(
        required=True,
        allow_none=allow_none,
        metadata={"description": description, "example": example},
    )


class ImportSchema(Schema):
    """An import as the API shows it.

    Every record is accounted for: read = inserted + updated + unchanged + stale + repeated +
    rejected. A file that is refused as a whole rejects all that it read; `bad_records` says how
    many of those were themselves at fault.
    """

    id = fields.UUID(required=True, metadata={"example": "3f2b8f6e-52f4-5c43-8e0a-7f6f5a0c9a11"})
    bucket = fields.String(required=True, metadata={"example": "movies-r-us"})
    key = fields.String(required=True, metadata={"example": "movies-2010s.json"})
    version_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"example": None, "description": "Where the bucket keeps versions."},
    )
    etag = fields.String(
        required=True, allow_none=True, metadata={"example": "d41d8cd98f00b204e9800998ecf8427e"}
    )
    size = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Bytes as stored in S3.", "example": 2453005},
    )
    last_modified = _moment("When S3 had the object.", "2026-11-24T08:00:00+00:00", allow_none=True)
    event_time = _moment("When S3 says so.", "2026-11-24T08:00:00.123000+00:00", allow_none=True)
    status = fields.Enum(
        ImportStatus,
        by_value=fields.String,
        required=True,
        metadata={"example": ImportStatus.SUCCEEDED},
    )
    on_error = fields.Enum(
        OnError, by_value=fields.String, required=True, metadata={"example": OnError.FAIL}
    )
    attempts = _count("How often it was begun.", 1)
    read = _count("Records found in the file.", 2512)
    inserted = _count("New movies.", 2500)
    updated = _count("Movies that this file changed.", 2)
    unchanged = _count("Movies that were known as they are.", 6)
    stale = _count("A newer file says otherwise.", 1)
    repeated = _count("The same movie again later in the same file.", 3)
    rejected = _count("Records that were not taken.", 0)
    bad_records = _count("Records that were themselves at fault, as far as the file was read.", 0)
    records_so_far = _count("Progress while the import runs.", 2512)
    bytes_so_far = _count("The same in bytes.", 2453005)
    ignored_fields = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata={
            "description": "Fields that are no part of the format, and how often they came.",
            "example": {"href": 2512},
        },
    )
    error_code = fields.Enum(
        ErrorCode,
        by_value=fields.String,
        required=True,
        allow_none=True,
        metadata={"example": None, "description": "The reason of a failure, for a program."},
    )
    error = fields.String(
        required=True,
        allow_none=True,
        metadata={"example": None, "description": "The reason, for a reader."},
    )
    timings = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Float(),
        metadata={
            "description": "Seconds by stage: fetch, validate, store.",
            "example": {"fetch": 0.05, "validate": 0.31, "store": 0.62},
        },
    )
    retried_by = fields.String(
        required=True,
        allow_none=True,
        metadata={"example": None, "description": "By whom; for operators alone."},
    )
    retry_reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"example": None, "description": "And why; for operators alone."},
    )
    first_seen_at = _moment("When it was announced.", "2026-11-24T08:00:00.310000+00:00")
    started_at = _moment(
        "When it was begun last; while it is queued, when it was asked for.",
        "2026-11-24T08:00:00.310000+00:00",
    )
    finished_at = _moment("When it ended.", "2026-11-24T08:00:01.240000+00:00", allow_none=True)


def import_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Returns a row of the table `imports` as ImportSchema dumps it: by its own columns' names,
    and with what the texts in it stand for.
    """
    code = row["error_code"]
    return {
        **row,
        "version_id": row["version_id"] or None,
        "status": ImportStatus(row["status"]),
        "on_error": OnError(row["on_error"]),
        "error_code": ErrorCode(code) if code else None,
    }


class ActionSchema(Schema):
    """What an operator did to an import, for the record."""

    at = _moment("When.", "2026-11-24T08:05:12.120000+00:00")
    action = fields.Enum(
        ActionKind, by_value=fields.String, required=True, metadata={"example": ActionKind.RETRY}
    )
    actor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Who; for operators alone.", "example": "ada@ops-1"},
    )
    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "And why; for operators alone.",
            "example": "the supplier corrected it",
        },
    )


def action_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Returns a row of the table `import_actions` as ActionSchema dumps it."""
    return {**row, "action": ActionKind(row["action"])}


class ImportWithActionsSchema(ImportSchema):
    """An import as the API shows it by itself: with what operators did to it."""

    actions = fields.List(
        fields.Nested(ActionSchema),
        required=True,
        metadata={"description": "What operators did to it, the first first."},
    )
