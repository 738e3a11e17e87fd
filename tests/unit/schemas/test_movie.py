"""What a movie is, and which two records are the same movie."""

import json
import unicodedata
import uuid
from typing import Any, Final

import pytest
import sqlalchemy as sa
from marshmallow import ValidationError

from schemas.fields import flatten_messages
from schemas.movie import (
    CAST_MAX_NAMES,
    GENRES_MAX_NAMES,
    NAME_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    YEAR_MAXIMUM,
    YEAR_MINIMUM,
    MovieSchema,
    movie_id,
)
from schemas.tables import movies

# What the store keeps for itself: whose content stands there, and what searches look at.
INTERNAL_COLUMNS: Final = {"import_id", "title_folded", "cast_folded"}


def make_record(**changes: Any) -> dict[str, Any]:
    record = {
        "title": "Carmen",
        "year": 1915,
        "cast": ["Geraldine Farrar", "Wallace Reid"],
        "genres": ["Drama"],
    }
    return {**record, **changes}


def id_of(record: dict[str, Any]) -> uuid.UUID:
    movie = MovieSchema().load(record)
    return movie_id(movie["title"], movie["year"], movie["cast"])


def faults_of(record: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        MovieSchema().load(record)
    return flatten_messages(caught.value)


@pytest.mark.parametrize(
    ("cast", "known"),
    [
        (["Geraldine Farrar", "Wallace Reid"], "49702c78-73ed-53a0-947d-fb3726e32150"),
        (["Theda Bara"], "917c1702-8ee6-5473-80da-d495bc0d69db"),
        ([], "f88a6dbe-d72b-5982-ae7f-2ec8c21408ba"),
    ],
)
def test_the_ids_of_the_two_carmens_of_1915_never_change(cast: list[str], known: str) -> None:
    # These stand in URLs and in databases; no new value belongs here.
    assert id_of(make_record(cast=cast)) == uuid.UUID(known)


@pytest.mark.parametrize(
    "changes",
    [
        {"cast": ["Geraldine Farrar"]},
        {"cast": ["Geraldine Farrar", "Theda Bara"]},
        {"genres": []},
        {"title": "  Carmen\n"},
        {"thumbnail": "carmen.jpg"},
        {"id": "917c1702-8ee6-5473-80da-d495bc0d69db"},
    ],
)
def test_a_corrected_record_is_still_the_same_movie(changes: dict[str, Any]) -> None:
    assert id_of(make_record(**changes)) == id_of(make_record())


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "carmen"},
        {"year": 1916},
        {"cast": ["Wallace Reid", "Geraldine Farrar"]},
        {"cast": []},
    ],
)
def test_another_title_year_or_first_name_is_another_movie(changes: dict[str, Any]) -> None:
    assert id_of(make_record(**changes)) != id_of(make_record())


def test_accents_written_in_two_ways_are_the_same_movie() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Amélie") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert id_of(make_record(title=composed)) == id_of(make_record(title=decomposed))


def test_what_is_missing_is_empty_and_no_two_records_share_it() -> None:
    first, second = (MovieSchema().load({"title": "Carmen", "year": 1915}) for _ in range(2))
    first["cast"].append("Theda Bara")
    assert second == {"title": "Carmen", "year": 1915, "cast": [], "genres": []}


def test_fields_that_are_no_part_of_the_format_are_left_out() -> None:
    loaded = MovieSchema().load(make_record(href="Carmen", id="not even a UUID"))
    assert loaded.keys() == {"title", "year", "cast", "genres"}


@pytest.mark.parametrize("year", [YEAR_MINIMUM, YEAR_MAXIMUM])
def test_the_bounds_of_years_and_lengths_are_allowed(year: int) -> None:
    record = make_record(
        title="t" * TITLE_MAX_LENGTH,
        year=year,
        cast=["c" * NAME_MAX_LENGTH] * CAST_MAX_NAMES,
        genres=["g" * NAME_MAX_LENGTH] * GENRES_MAX_NAMES,
    )
    assert MovieSchema().load(record) == record


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"title": "t" * (TITLE_MAX_LENGTH + 1)}, "title"),
        ({"title": None}, "title"),
        ({"title": "half \ud83d"}, "title"),
        ({"year": YEAR_MINIMUM - 1}, "year"),
        ({"year": YEAR_MAXIMUM + 1}, "year"),
        ({"year": True}, "year"),
        ({"year": 2004.0}, "year"),
        ({"cast": None}, "cast"),
        ({"cast": "Theda Bara"}, "cast"),
        ({"cast": ["Theda Bara", ""]}, "cast[1]"),
        ({"genres": [["Drama"]]}, "genres[0]"),
        ({"genres": ["g" * (NAME_MAX_LENGTH + 1)]}, "genres[0]"),
        ({"title": "e" + "\u0327" * 31}, "title"),
        ({"cast": ["c"] * (CAST_MAX_NAMES + 1)}, "cast"),
        ({"cast": [None] * (CAST_MAX_NAMES + 1)}, "cast"),
        ({"genres": ["g"] * (GENRES_MAX_NAMES + 1)}, "genres"),
    ],
)
def test_a_bad_field_is_refused_by_its_path(changes: dict[str, Any], path: str) -> None:
    assert [fault[0] for fault in faults_of(make_record(**changes))] == [path]


@pytest.mark.parametrize("record", ["Carmen", 5, None, ["Carmen"], [make_record()]])
def test_what_is_no_object_is_no_movie(record: Any) -> None:
    assert faults_of(record) == [("", "A movie must be a JSON object.")]


def test_a_movie_is_shown_with_its_id_as_it_was_loaded() -> None:
    record = make_record()
    shown = MovieSchema().dump({**record, "id": id_of(record)})
    assert json.loads(json.dumps(shown)) == {**record, "id": str(id_of(record))}


def test_the_fields_of_a_movie_are_the_columns_of_its_table() -> None:
    columns = {column.name for column in movies.columns}
    assert columns >= INTERNAL_COLUMNS
    assert set(MovieSchema().fields) == columns - INTERNAL_COLUMNS


def test_every_allowed_year_fits_into_its_column() -> None:
    assert isinstance(movies.c.year.type, sa.SmallInteger)
    assert YEAR_MAXIMUM < 2**15
