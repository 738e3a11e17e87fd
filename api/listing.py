"""What may be asked of the ledger, and how its bad records look.

As strict as the search for movies: every parameter is known, and each is what it may be.
"""

import base64
import binascii
import dataclasses
import json
import uuid
from datetime import datetime
from typing import Any, Final, Self

from marshmallow import RAISE, Schema, fields, validate

from schemas.fields import WholeNumberText
from schemas.imports import ImportStatus
from schemas.notification import KEY_MAX_BYTES
from schemas.problem import FaultSchema
from schemas.search import LIMIT_DEFAULT, LIMIT_MAXIMUM

POSITION_MAXIMUM: Final = 9_999_999_999


@dataclasses.dataclass(frozen=True)
class LedgerCursor:
    """The last import of a page, from which the next one goes on: towards older ones."""

    started_at: datetime
    id: uuid.UUID

    def encode(self) -> str:
        """Returns the cursor as it stands in a URL: opaque and URL-safe."""
        text = json.dumps([self.started_at.isoformat(), str(self.id)], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Reads a cursor that `encode` made. Raises ValueError for anything else."""
        try:
            padded = text + "=" * (-len(text) % 4)
            moment, found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            started_at = datetime.fromisoformat(moment)
            if started_at.tzinfo is None or not 1970 <= started_at.year < 9999:
                raise ValueError(moment)
            return cls(started_at=started_at, id=uuid.UUID(found))
        except (binascii.Error, UnicodeError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(text) from error


class _CursorField(fields.Field[LedgerCursor]):
    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "invalid": "Must be a cursor from the Link header of a page of this list."
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> LedgerCursor:
        try:
            return LedgerCursor.decode(value)
        except ValueError:
            raise self.make_error("invalid") from None


def _limit() -> WholeNumberText:
    return WholeNumberText(
        minimum=1,
        maximum=LIMIT_MAXIMUM,
        load_default=LIMIT_DEFAULT,
        metadata={"description": "Entries a page."},
    )


def _name(max_length: int, description: str, example: str) -> fields.String:
    # Names of S3 are kept exactly as they are, unlike the texts of movies.
    return fields.String(
        validate=[
            validate.Length(1, max_length),
            validate.Regexp(r"^[^\x00]*$", error="Must not contain NUL."),
        ],
        metadata={"description": description, "example": example},
    )


class LedgerSearchSchema(Schema):
    """The query of `GET /imports`, whose imports come newest first.

    Examples that pass:
        {"status": "failed"}
        {"bucket": "movies-r-us", "prefix": "incoming/", "limit": "5"}
    Examples that do not:
        {"status": "lost"}
        {"limit": "0"}
    """

    class Meta:
        unknown = RAISE

    status = fields.Enum(
        ImportStatus, by_value=fields.String, metadata={"description": "Where they stand."}
    )
    bucket = _name(255, "Exactly this bucket.", "movies-r-us")
    prefix = _name(KEY_MAX_BYTES, "Keys that begin like this.", "incoming/")
    limit = _limit()
    cursor = _CursorField(
        metadata={
            "type": "string",
            "description": "Where to go on: from the Link header of another page.",
        }
    )


class BadRecordsSearchSchema(Schema):
    """The query of `GET /imports/{id}/errors`, whose records come in the file's order.

    Examples that pass:
        {"after": "20", "limit": "100"}
    Examples that do not:
        {"after": "-1"}
    """

    class Meta:
        unknown = RAISE

    limit = _limit()
    after = WholeNumberText(
        minimum=0,
        maximum=POSITION_MAXIMUM,
        load_default=0,
        metadata={"description": "Only those after this position."},
    )


class BadRecordSchema(Schema):
    """A record that was refused: where it stood in its file, what is wrong, and how it read."""

    position = fields.Integer(
        required=True, metadata={"description": "1 is the first record of the file.", "example": 3}
    )
    faults = fields.List(fields.Nested(FaultSchema), required=True)
    raw = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "As it stood in the file, cut to a bound; for operators alone, unless "
            "the API shows it to everybody.",
            "example": '{"title": "National Treasure", "year": "2004"}',
        },
    )
