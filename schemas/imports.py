"""What an import is: one object version, read once, and what became of each of its records."""

from enum import StrEnum

from marshmallow import Schema, fields


class ImportStatus(StrEnum):
    """Where an import stands. `succeeded` and `superseded` never change again."""

    QUEUED = "queued"  # asked for by an operator; no worker has taken it up yet
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"  # overwritten before it could be read, and no version names it


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


class ImportSchema(Schema):
    """An import as the API shows it.

    Every record is accounted for: read = inserted + updated + unchanged + stale + repeated +
    rejected. A file that is refused as a whole rejects all that it read; `bad_records` says how
    many of those were themselves at fault.
    """

    id = fields.UUID(required=True)
    bucket = fields.String(required=True)
    key = fields.String(required=True)
    version_id = fields.String(allow_none=True)
    etag = fields.String(allow_none=True)
    size = fields.Integer(allow_none=True, metadata={"description": "Bytes as stored in S3."})
    last_modified = fields.AwareDateTime(allow_none=True)
    event_time = fields.AwareDateTime(allow_none=True)
    status = fields.Enum(ImportStatus, by_value=True, required=True)
    on_error = fields.Enum(OnError, by_value=True, required=True)
    attempts = fields.Integer(required=True)
    read = fields.Integer(required=True, metadata={"description": "Records found in the file."})
    inserted = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    stale = fields.Integer(required=True, metadata={"description": "A newer file says otherwise."})
    repeated = fields.Integer(
        required=True, metadata={"description": "The same movie again later in the same file."}
    )
    rejected = fields.Integer(required=True)
    bad_records = fields.Integer(required=True)
    records_so_far = fields.Integer(
        required=True, metadata={"description": "Progress while the import runs."}
    )
    bytes_so_far = fields.Integer(required=True)
    ignored_fields = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "Fields that are no part of the format, and how often they came."},
    )
    error_code = fields.Enum(ErrorCode, by_value=True, allow_none=True)
    error = fields.String(allow_none=True, metadata={"description": "The reason, for a reader."})
    timings = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        metadata={"description": "Seconds by stage: fetch, validate, store."},
    )
    retried_by = fields.String(allow_none=True)
    retry_reason = fields.String(allow_none=True)
    first_seen_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(allow_none=True)
