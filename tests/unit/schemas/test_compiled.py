"""The short way through a schema against the long one: the same movies, the same complaints."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate

from schemas.compiled import compile_loader
from schemas.fields import Text
from schemas.movie import (
    CAST_MAX_NAMES,
    MOVIE_NAMESPACE,
    NAME_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    MovieSchema,
    movie_id,
    movie_id_digits,
)

DATA = Path(__file__).parents[4] / "shared" / "data"

# All characters, lone surrogates too, and more of those that make a difference.
characters = st.characters() | st.sampled_from(
    " \t\n\x00\x1f\x85\u00a0\u2028\ud800\u00e9\u0301\uff45"
)
texts = st.text(characters, max_size=6) | st.sampled_from(
    [
        "x" * NAME_MAX_LENGTH,
        "x" * (NAME_MAX_LENGTH + 1),
        "x" * TITLE_MAX_LENGTH,
        " x" * 300,
        "e" + "\u0327" * 30,
        "\u0229" + "\u0327" * 30,
        "\u0229" + "\u0327" * 31,
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
movies = st.fixed_dictionaries(
    {},
    optional={
        "title": texts | values,
        "year": st.integers(1860, 2110) | values,
        "cast": st.lists(texts, max_size=4)
        | values
        | st.sampled_from([["x"] * CAST_MAX_NAMES, ["x"] * (CAST_MAX_NAMES + 1)]),
        "genres": st.lists(texts, max_size=4) | values,
        "id": values,
        "href": values,
    },
)


def outcome(load: Any, value: Any) -> tuple[str, Any]:
    try:
        return "loaded", load(value)
    except ValidationError as error:
        return "refused", error.messages


@given(movies | values)
def test_both_ways_load_and_refuse_the_same(value: Any) -> None:
    schema = MovieSchema()
    assert outcome(compile_loader(schema), value) == outcome(schema.load, value)


def test_both_ways_load_every_real_movie_alike() -> None:
    files = sorted(DATA.glob("movies-*.json"))
    if not files:
        pytest.skip("The real movie files are not beside the project (../shared/data).")
    schema = MovieSchema()
    load = compile_loader(schema)
    for file in files:
        for record in json.loads(file.read_text(encoding="utf-8")):
            assert load(record) == schema.load(record)


def test_a_valid_record_takes_the_short_way() -> None:
    class Tripwire(MovieSchema):
        def load(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("the long way was taken")

    record = {"title": "Amélie", "year": 2001, "cast": ["Audrey Tautou"], "href": "x"}
    assert compile_loader(Tripwire())(record) == {
        "title": "Amélie",
        "year": 2001,
        "cast": ["Audrey Tautou"],
        "genres": [],
    }


class _WithAnotherField(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String()


class _WithAValidator(Schema):
    class Meta:
        unknown = EXCLUDE

    name = Text(max_length=5, validate=validate.OneOf(["a"]))


class _WithAHook(Schema):
    class Meta:
        unknown = EXCLUDE

    name = Text(max_length=5)

    @post_load
    def change(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"name": "changed"}


class _ThatRefusesUnknownFields(Schema):
    class Meta:
        unknown = RAISE

    name = Text(max_length=5)


@pytest.mark.parametrize(
    "schema", [_WithAnotherField, _WithAValidator, _WithAHook, _ThatRefusesUnknownFields]
)
def test_a_schema_with_rules_that_the_short_way_does_not_know_is_not_compiled(
    schema: type[Schema],
) -> None:
    with pytest.raises(TypeError):
        compile_loader(schema())


@given(
    st.text(st.characters(codec="utf-8"), min_size=1),
    st.integers(1870, 2100),
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=2),
)
def test_the_digits_of_an_id_are_those_of_its_uuid5(title: str, year: int, cast: list[str]) -> None:
    first = cast[0] if cast else ""
    assert (
        movie_id_digits(title, year, cast)
        == uuid.uuid5(MOVIE_NAMESPACE, f"{title}\0{year}\0{first}").hex
    )
    assert movie_id(title, year, cast).hex == movie_id_digits(title, year, cast)
