"""What a movie is, and which two records are the same movie."""

import hashlib
import uuid
from typing import Final

from marshmallow import EXCLUDE, Schema, fields

from schemas.fields import Text, Texts, WholeNumber

TITLE_MAX_LENGTH: Final = 500
NAME_MAX_LENGTH: Final = 200
# Three times the most that real files have (59 and 7).
CAST_MAX_NAMES: Final = 200
GENRES_MAX_NAMES: Final = 20
YEAR_MINIMUM: Final = 1870  # eight years before the first moving picture
YEAR_MAXIMUM: Final = 2100

# Fixed for ever: ids made with it stand in URLs and in databases.
MOVIE_NAMESPACE: Final = uuid.UUID("6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11")

_NAMESPACE_BYTES: Final = MOVIE_NAMESPACE.bytes
_VARIANT_DIGITS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class MovieSchema(Schema):
    """A movie as it stands in a file, and as the API shows it.

    `title` and `year` are required, `cast` and `genres` are empty where they are missing; they have
    at most 200 and 20 names. Fields
    that are no part of the format are ignored here; the worker counts them.

    Examples that pass:
        {"title": "National Treasure", "year": 2004, "cast": ["Nicolas Cage"]}
        {"title": "The Great Train Robbery", "year": 1903}
    Examples that do not:
        {"title": "National Treasure", "year": "2004"}
        {"title": " ", "year": 2004}
        {"title": "National Treasure", "year": 2004, "cast": [null]}
    """

    class Meta:
        unknown = EXCLUDE

    error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "type": "A movie must be a JSON object."
    }

    id = fields.UUID(
        dump_only=True,
        metadata={
            "description": "UUIDv5 of title, year and first-billed cast member.",
            "example": "871bdc5b-0f7a-57d0-b19a-1842927defdc",
        },
    )
    title = Text(
        required=True, max_length=TITLE_MAX_LENGTH, metadata={"example": "National Treasure"}
    )
    year = WholeNumber(
        required=True, minimum=YEAR_MINIMUM, maximum=YEAR_MAXIMUM, metadata={"example": 2004}
    )
    cast = Texts(
        max_length=NAME_MAX_LENGTH,
        max_items=CAST_MAX_NAMES,
        metadata={"example": ["Nicolas Cage", "Diane Kruger"]},
    )
    genres = Texts(
        max_length=NAME_MAX_LENGTH,
        max_items=GENRES_MAX_NAMES,
        metadata={"example": ["Adventure"]},
    )


def movie_id(title: str, year: int, cast: list[str]) -> uuid.UUID:
    """Returns the id of a movie: a UUIDv5 of its title, its year and its first-billed cast member.

    The three are those of a validated movie (NFC, stripped). They are joined by NUL, which no
    validated text contains, so that no two different triples make the same name.
    """
    return uuid.UUID(hex=movie_id_digits(title, year, cast))


def movie_id_digits(title: str, year: int, cast: list[str]) -> str:
    """Returns the 32 hexadecimal digits of a movie's id, in a quarter of the time of uuid.uuid5."""
    name = f"{title}\0{year}\0{cast[0] if cast else ''}"
    digest = hashlib.sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    # RFC 9562, 5.5: the version stands in the 13th digit, the variant in the 17th.
    return f"{digest[:12]}5{digest[13:16]}{_VARIANT_DIGITS[digest[16]]}{digest[17:32]}"
