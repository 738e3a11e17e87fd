"""How many of the movies found are of each genre and of each year: the answer of a facet search."""

from typing import Final

from marshmallow import Schema, fields

# Real data have some dozens. So many of the longest names are less than a megabyte.
GENRES_LISTED: Final = 500


class GenreCountSchema(Schema):
    """A genre, and how many of the movies found have it."""

    name = fields.String(required=True, metadata={"example": "Adventure"})
    count = fields.Integer(required=True, metadata={"minimum": 0, "example": 12})


class YearCountSchema(Schema):
    """A year, and how many of the movies found are of it."""

    year = fields.Integer(required=True, metadata={"example": 2004})
    count = fields.Integer(required=True, metadata={"minimum": 0, "example": 7})


class FacetsSchema(Schema):
    """Counts by genre and by year. A movie of several genres counts once for each."""

    genres = fields.List(
        fields.Nested(GenreCountSchema),
        required=True,
        metadata={
            "description": "The most frequent first, and no more than 500 of them.",
            "maxItems": GENRES_LISTED,
        },
    )
    years = fields.List(
        fields.Nested(YearCountSchema), required=True, metadata={"description": "The newest first."}
    )
    complete = fields.Boolean(
        required=True,
        metadata={
            "description": "False where the time did not suffice: what is counted is then known to "
            "be too little.",
            "example": True,
        },
    )
