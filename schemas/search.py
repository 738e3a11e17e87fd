"""What may be asked of `GET /movies`: filters, all combinable, and the page that is wanted."""

import base64
import binascii
import dataclasses
import json
import uuid
from typing import Any, Final, Self

from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema

from schemas.fields import Text, WholeNumberText
from schemas.movie import NAME_MAX_LENGTH, TITLE_MAX_LENGTH, YEAR_MAXIMUM, YEAR_MINIMUM

LIMIT_DEFAULT: Final = 20
LIMIT_MAXIMUM: Final = 100


@dataclasses.dataclass(frozen=True)
class Cursor:
    """The last movie of a page, from which the next one goes on: years fall, then ids fall."""

    year: int
    id: uuid.UUID

    def encode(self) -> str:
        """Returns the cursor as it stands in a URL: opaque, URL-safe, about 60 characters."""
        text = json.dumps([self.year, str(self.id)], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Reads a cursor that `encode` made. Raises ValueError for anything else."""
        try:
            padded = text + "=" * (-len(text) % 4)
            year, movie = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if type(year) is not int or not YEAR_MINIMUM <= year <= YEAR_MAXIMUM:
                raise ValueError(year)
            return cls(year=year, id=uuid.UUID(movie))
        except (binascii.Error, UnicodeError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(text) from error


class _CursorField(fields.Field[Cursor]):
    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "invalid": "Must be a cursor from the Link header of a page of this search."
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Cursor:
        try:
            return Cursor.decode(value)
        except ValueError:
            raise self.make_error("invalid") from None


def _year(**kwargs: Any) -> WholeNumberText:
    return WholeNumberText(
        minimum=YEAR_MINIMUM, maximum=YEAR_MAXIMUM, metadata={"example": 2004}, **kwargs
    )


class MovieSearchSchema(Schema):
    """The query of `GET /movies`. Each text filter may be repeated, and then all must match.

    `title`, `actor` and `genre` are substrings of any length; case and accents do not matter.

    Examples that pass:
        {"title": ["incredibles"], "year": "2004"}
        {"actor": ["bob", "hope"], "genre": ["comedy"], "year_from": "1940", "limit": "5"}
    Examples that do not:
        {"titel": ["incredibles"]}
        {"year": " 1999"}
        {"year_from": "2000", "year_to": "1990"}
    """

    class Meta:
        unknown = RAISE

    title = fields.List(
        Text(max_length=TITLE_MAX_LENGTH), load_default=list, metadata={"example": ["incredibles"]}
    )
    actor = fields.List(
        Text(max_length=NAME_MAX_LENGTH), load_default=list, metadata={"example": ["bob"]}
    )
    genre = fields.List(
        Text(max_length=NAME_MAX_LENGTH), load_default=list, metadata={"example": ["action"]}
    )
    year = _year()
    year_from = _year()
    year_to = _year()
    limit = WholeNumberText(minimum=1, maximum=LIMIT_MAXIMUM, load_default=LIMIT_DEFAULT)
    cursor = _CursorField(metadata={"type": "string"})

    @validates_schema
    def _range_is_not_upside_down(self, data: dict[str, Any], **_: Any) -> None:
        start, end = data.get("year_from"), data.get("year_to")
        if start is not None and end is not None and start > end:
            raise ValidationError("Must not be before year_from.", "year_to")
