"""What may be asked of the movies: filters, all combinable, their order, and the page wanted."""

import base64
import binascii
import dataclasses
import hashlib
import json
import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Self

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from schemas.fields import Text, WholeNumberText, did_you_mean, is_storable
from schemas.movie import (
    NAME_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    YEAR_MAXIMUM,
    YEAR_MINIMUM,
    MovieSchema,
)

REPEATS_MAXIMUM: Final = 10  # of one filter
LIMIT_DEFAULT: Final = 20
LIMIT_MAXIMUM: Final = 100
PAGE_MAX_BYTES: Final = 950_000  # of JSON; all but the strangest pages have a hundredth of it
PAGE_MAXIMUM: Final = 100  # what lies deeper is reached by cursor, at the cost of a first page

MOVIE_FIELDS: Final = tuple(MovieSchema().fields)

_FILTERS: Final = ("title", "actor", "genre", "year", "year_from", "year_to")
_KEY_MAX_LENGTH: Final = 2_000  # folding makes several letters of some


class Sort(StrEnum):
    """The order of the movies found; movies that are equal in it stand by their ids."""

    NEWEST = "-year"
    OLDEST = "year"
    TITLE = "title"
    TITLE_BACKWARDS = "-title"

    @property
    def by_year(self) -> bool:
        """Whether the key of this order is the year, rather than the title."""
        return self in (Sort.NEWEST, Sort.OLDEST)

    @property
    def descending(self) -> bool:
        """Whether both the key and the ids fall."""
        return self.value.startswith("-")


class Direction(StrEnum):
    """Which way a cursor leads from its movie, in the order of its search."""

    NEXT = "next"
    PREVIOUS = "prev"


class Count(StrEnum):
    """Whether the movies found are counted."""

    CAPPED = "capped"  # exactly up to a bound, and beyond it: at least so many
    NONE = "none"


@dataclasses.dataclass(frozen=True)
class Cursor:
    """A place in the list of a search: the movie at the end of a page, or at its beginning.

    `key` is what the list is sorted by: that movie's year, in decimal, or its folded title.
    `search` is the `fingerprint` of the filters: a place means nothing in another list.
    """

    sort: Sort
    direction: Direction
    key: str
    id: uuid.UUID
    search: str

    def encode(self) -> str:
        """Returns the cursor as it stands in a URL: opaque, URL-safe, about 100 characters."""
        parts = [self.sort, self.direction, self.key, self.id.hex, self.search]
        text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Reads a cursor that `encode` made. Raises ValueError for anything else.

        A cursor is no secret and no permission: whoever makes one up gets a page of movies that
        anyone may see.
        """
        try:
            made = cls._decode(text)
        except (binascii.Error, UnicodeError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(text) from error
        if made.encode() != text:  # one place, one spelling
            raise ValueError(text)
        return made

    @classmethod
    def _decode(cls, text: str) -> Self:
        padded = text + "=" * (-len(text) % 4)
        sort, direction, key, movie, search = json.loads(
            base64.b64decode(padded, altchars=b"-_", validate=True)
        )
        made = cls(Sort(sort), Direction(direction), key, uuid.UUID(movie), search)
        if not (type(key) is str and len(key) <= _KEY_MAX_LENGTH and is_storable(key)):
            raise ValueError(text)
        if made.sort.by_year and not YEAR_MINIMUM <= int(key) <= YEAR_MAXIMUM:
            raise ValueError(text)
        return made


def fingerprint(query: Mapping[str, Any]) -> str:
    """Returns a short mark of the filters of a loaded query, the same for the same filters.

    The order of repeated filters does not matter, nor do sort, limit and whatever else does not
    change which movies are found.
    """
    filters = [
        sorted(value) if isinstance(value, list) else value
        for value in (query.get(name) or [] for name in _FILTERS)
    ]
    digest = hashlib.sha256(json.dumps(filters).encode()).digest()
    return base64.urlsafe_b64encode(digest[:9]).decode()


class _CursorField(fields.Field[Cursor]):
    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "invalid": "Must be a cursor from the Link header of a page of this search."
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Cursor:
        try:
            return Cursor.decode(value)
        except ValueError:
            raise self.make_error("invalid") from None


class _PageField(WholeNumberText):
    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "range": "Must be between {minimum} and {maximum}. To go deeper, follow the Link header's "
        "next, which has a cursor."
    }


class _FieldsField(fields.Field[tuple[str, ...]]):
    """Names of a movie's fields, separated by commas; they come back in the schema's order."""

    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "empty": "Must name fields, separated by commas.",
        "unknown": "Unknown field. {guess}",
        "repeated": "Must name each field once.",
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, str) or not value:
            raise self.make_error("empty")
        names = value.split(",")
        for name in names:
            if name not in MOVIE_FIELDS:
                raise self.make_error("unknown", guess=did_you_mean(name, MOVIE_FIELDS))
        if len(set(names)) < len(names):
            raise self.make_error("repeated")
        return tuple(name for name in MOVIE_FIELDS if name in names)


def _texts(max_length: int, example: str, description: str) -> fields.List[str]:
    return fields.List(
        Text(max_length=max_length),
        load_default=list,
        validate=validate.Length(max=REPEATS_MAXIMUM, error="Must be given at most {max} times."),
        metadata={"example": [example], "description": description},
    )


def _year(description: str, example: int) -> WholeNumberText:
    return WholeNumberText(
        minimum=YEAR_MINIMUM,
        maximum=YEAR_MAXIMUM,
        metadata={"example": example, "description": description},
    )


class MovieFilterSchema(Schema):
    """Which movies: the query of `GET /movies/facets`, and the filters of `GET /movies`.

    `title`, `actor` and `genre` are substrings of any length; case and accents do not matter. Each
    may be repeated, and then all must match.

    Examples that pass:
        {"title": ["incredibles"], "year": "2004"}
        {"actor": ["bob", "hope"], "genre": ["comedy"], "year_from": "1940"}
    Examples that do not:
        {"titel": ["incredibles"]}
        {"year": " 1999"}
        {"year_from": "2000", "year_to": "1990"}
        {"actor": ["bob"], "limit": "5"}
        {"title": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]}
    """

    class Meta:
        unknown = RAISE

    title = _texts(TITLE_MAX_LENGTH, "incredibles", "A part of the title.")
    actor = _texts(NAME_MAX_LENGTH, "bob", "A part of the name of one of the cast.")
    genre = _texts(NAME_MAX_LENGTH, "action", "A part of the name of one of the genres.")
    year = _year("Exactly this year.", 2004)
    year_from = _year("This year or later.", 1990)
    year_to = _year("This year or earlier; not before `year_from`.", 2010)

    @validates_schema
    def _range_is_not_upside_down(self, data: dict[str, Any], **_: Any) -> None:
        start, end = data.get("year_from"), data.get("year_to")
        if start is not None and end is not None and start > end:
            raise ValidationError("Must not be before year_from.", "year_to")


class MovieSearchSchema(MovieFilterSchema):
    """The query of `GET /movies`: which movies, in which order, and which page of them.

    Examples that pass:
        {"title": ["incredibles"], "sort": "title", "limit": "5"}
        {"genre": ["comedy"], "page": "3", "fields": "title,year", "count": "none"}
    Examples that do not:
        {"sort": "rating"}
        {"limit": "0"}
        {"page": "101"}
        {"fields": "title,rating"}
    """

    sort = fields.Enum(
        Sort,
        by_value=fields.String,
        load_default=Sort.NEWEST,
        metadata={"description": "The order; `-` is falling. The id breaks ties."},
    )
    limit = WholeNumberText(
        minimum=1,
        maximum=LIMIT_MAXIMUM,
        load_default=LIMIT_DEFAULT,
        metadata={"description": "Movies a page; less where they would take a megabyte."},
    )
    cursor = _CursorField(
        metadata={
            "type": "string",
            "description": "Where to go on, at any depth: from the Link header of another page.",
        }
    )
    page = _PageField(
        minimum=1,
        maximum=PAGE_MAXIMUM,
        metadata={"description": "The number of the page, in place of a cursor.", "example": 2},
    )
    fields_ = _FieldsField(
        data_key="fields",
        attribute="fields",
        metadata={
            "type": "array",
            "items": {"type": "string", "enum": list(MOVIE_FIELDS)},
            "minItems": 1,
            "uniqueItems": True,
            "description": "Only these fields of each movie, separated by commas.",
            "example": ["title", "year"],
        },
    )
    count = fields.Enum(
        Count,
        by_value=fields.String,
        load_default=Count.CAPPED,
        metadata={"description": "`none` spares the counting of all that were found."},
    )

    @validates_schema
    def _cursor_is_of_this_search(self, data: dict[str, Any], **_: Any) -> None:
        cursor: Cursor | None = data.get("cursor")
        if cursor is None:
            return
        if "page" in data:
            raise ValidationError("Must not be given together with cursor.", "page")
        if cursor.sort is not data["sort"] or cursor.search != fingerprint(data):
            raise ValidationError(
                "Is of another search: its filters or its sort were not these.", "cursor"
            )
