"""What may be asked for while somebody types, and what is then suggested."""

from enum import StrEnum
from typing import Final

from marshmallow import RAISE, Schema, fields

from schemas.fields import Text, WholeNumberText
from schemas.movie import NAME_MAX_LENGTH

SUGGESTIONS_DEFAULT: Final = 10
SUGGESTIONS_MAXIMUM: Final = 20


class SuggestionKind(StrEnum):
    """What a suggestion is: a value for the filter of that name."""

    TITLE = "title"
    ACTOR = "actor"


class SuggestSchema(Schema):
    """The query of `GET /suggest`: what was typed so far.

    Examples that pass:
        {"term": "nic"}
        {"term": "é", "limit": "5"}
    Examples that do not:
        {}
        {"term": " "}
        {"term": "nic", "limit": "21"}
    """

    class Meta:
        unknown = RAISE

    term = Text(
        required=True,
        max_length=NAME_MAX_LENGTH,
        metadata={"description": "What was typed so far.", "example": "nic"},
    )
    limit = WholeNumberText(
        minimum=1,
        maximum=SUGGESTIONS_MAXIMUM,
        load_default=SUGGESTIONS_DEFAULT,
        metadata={"description": "Suggestions at most."},
    )


class SuggestionSchema(Schema):
    """A title or an actor. The same text given to the filter of its kind finds movies."""

    kind = fields.Enum(
        SuggestionKind,
        by_value=fields.String,
        required=True,
        metadata={"example": SuggestionKind.ACTOR},
    )
    text = fields.String(required=True, metadata={"example": "Nicolas Cage"})
