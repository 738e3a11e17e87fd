"""What a movie is, and which two records are the same movie."""

import uuid
from typing import Final

from marshmallow import EXCLUDE, Schema, fields

from schemas.fields import Text, WholeNumber

TITLE_MAX_LENGTH: Final = 500
NAME_MAX_LENGTH: Final = 200
YEAR_MINIMUM: Final = 1870  # eight years before the first moving picture
YEAR_MAXIMUM: Final = 2100

# Fixed for ever: ids made with it stand in URLs and in databases.
MOVIE_NAMESPACE: Final = uuid.UUID("6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11")


class MovieSchema(Schema):
    """A movie as it stands in a file, and as the API shows it.

    `title` and `year` are required, `cast` and `genres` are empty where they are missing. Fields
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
        metadata={"description": "UUIDv5 of title, year and first-billed cast member."},
    )
    title = Text(
        required=True, max_length=TITLE_MAX_LENGTH, metadata={"example": "National Treasure"}
    )
    year = WholeNumber(
        required=True, minimum=YEAR_MINIMUM, maximum=YEAR_MAXIMUM, metadata={"example": 2004}
    )
    cast = fields.List(
        Text(max_length=NAME_MAX_LENGTH),
        load_default=list,
        metadata={"example": ["Nicolas Cage", "Diane Kruger"]},
    )
    genres = fields.List(
        Text(max_length=NAME_MAX_LENGTH), load_default=list, metadata={"example": ["Adventure"]}
    )


def movie_id(title: str, year: int, cast: list[str]) -> uuid.UUID:
    """Returns the id of a movie: a UUIDv5 of its title, its year and its first-billed cast member.

    The three are those of a validated movie (NFC, stripped). They are joined by NUL, which no
    validated text contains, so that no two different triples make the same name.
    """
    first = cast[0] if cast else ""
    return uuid.uuid5(MOVIE_NAMESPACE, f"{title}\0{year}\0{first}")
