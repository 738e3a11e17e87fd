"""Every example in a schema's documentation is run: those that pass, and those that do not."""

import dataclasses
import json
from typing import Any, Final

import pytest
from marshmallow import Schema, ValidationError, fields

from schemas.fields import WholeNumberText
from schemas.movie import MovieSchema
from schemas.notification import NotificationSchema
from schemas.search import MovieFilterSchema, MovieSearchSchema
from schemas.suggestion import SuggestSchema

# What strangers send. The other schemas describe what is answered.
READ: Final[tuple[type[Schema], ...]] = (
    MovieSchema,
    MovieFilterSchema,
    MovieSearchSchema,
    NotificationSchema,
    SuggestSchema,
)

PASS: Final = "Examples that pass:"
FAIL: Final = "Examples that do not:"


@dataclasses.dataclass(frozen=True)
class Example:
    schema: type[Schema]
    value: Any

    def __str__(self) -> str:
        return f"{self.schema.__name__} {json.dumps(self.value)}"


def examples_of(heading: str) -> list[Example]:
    return [Example(schema, value) for schema in READ for value in parse(section(schema, heading))]


def section(schema: type[Schema], heading: str) -> str:
    before, _, after = (schema.__doc__ or "").partition(heading)
    assert after, f"{schema.__name__} has no {heading!r} after {before!r}"
    return after.partition(FAIL)[0]


def parse(text: str) -> list[Any]:
    """Reads JSON values that stand one after another, each on as many lines as it likes."""
    values = []
    while text := text.strip():
        value, end = json.JSONDecoder().raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


@pytest.mark.parametrize("example", examples_of(PASS), ids=str)
def test_an_example_that_passes_does(example: Example) -> None:
    loaded = example.schema().load(example.value)
    assert example.value.keys() <= loaded.keys()


@pytest.mark.parametrize("example", examples_of(FAIL), ids=str)
def test_an_example_that_does_not_pass_does_not(example: Example) -> None:
    with pytest.raises(ValidationError):
        example.schema().load(example.value)


@pytest.mark.parametrize("schema", READ)
def test_a_schema_shows_examples_of_both_kinds(schema: type[Schema]) -> None:
    assert parse(section(schema, PASS))
    assert parse(section(schema, FAIL))


@pytest.mark.parametrize("schema", READ)
def test_the_examples_of_single_fields_make_a_whole_that_passes(schema: type[Schema]) -> None:
    examples = {
        field.data_key or name: as_sent(field, field.metadata["example"])
        for name, field in schema().load_fields.items()
        if "example" in field.metadata
    }
    assert examples
    assert examples.keys() <= schema().load(examples).keys()


def as_sent(field: fields.Field[Any], example: Any) -> Any:
    # In the API's document a year is a number, and a list a list; in a URL both are text.
    if isinstance(example, list) and not isinstance(field, fields.List):
        return ",".join(example)
    return str(example) if isinstance(field, WholeNumberText) else example
