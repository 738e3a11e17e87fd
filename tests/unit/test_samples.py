"""The samples against the schema and against what their own expected.json promises.

The demo shows these files to a newcomer, so what it looks for must be in them.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.fields import flatten_messages
from schemas.imports import ErrorCode, ImportStatus
from schemas.movie import MovieSchema, movie_id

SAMPLES = Path(__file__).parents[2] / "samples"
NO_SAMPLES = {"README.md", "expected.json"}
GOOD_FILES = ["movies.json", "one-movie.json", "classics.ndjson", "nineties.json.gz"]

EXPECTED: dict[str, dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_bytes())

# In the order of bad-records.json: what is wrong, where, and what the import says about it.
FAULTS: list[tuple[Callable[[Any], bool], str, str]] = [
    (lambda record: record["year"] == "2004", "year", "Must be a whole number."),
    (lambda record: "title" not in record, "title", "Missing data for required field."),
    (lambda record: record["title"] == "  ", "title", "Must not be empty."),
    (lambda record: record["year"] == 20008, "year", "Must be between 1870 and 2100."),
    (lambda record: None in record["cast"], "cast[1]", "Field may not be null."),
    (
        lambda record: "\ud800" in record["title"],
        "title",
        "Must not contain NUL or half of a surrogate pair.",
    ),
    (
        lambda record: "\0" in record["title"],
        "title",
        "Must not contain NUL or half of a surrogate pair.",
    ),
    (lambda record: isinstance(record, str), "", "A movie must be a JSON object."),
    (lambda record: record["year"] is True, "year", "Must be a whole number."),
]
FAULT_NAMES = [
    "year as text",
    "no title",
    "title of spaces",
    "year out of range",
    "null among the cast",
    "half of a surrogate pair",
    "NUL",
    "no object",
    "true for a year",
]


def records_of(name: str) -> list[Any]:
    content = (SAMPLES / name).read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    text = content.decode()
    if name.endswith(".ndjson"):
        return [json.loads(line) for line in text.splitlines()]
    decoded = json.loads(text)
    return decoded if isinstance(decoded, list) else [decoded]


def all_good_movies() -> list[dict[str, Any]]:
    return [movie for name in GOOD_FILES for movie in records_of(name)]


def bad_records() -> list[Any]:
    return [record for record in records_of("bad-records.json") if MovieSchema().validate(record)]


def find(
    *, title: str = "", actor: str = "", genre: str = "", year: int | None = None
) -> list[dict[str, Any]]:
    """The API's search in its simplest form: substrings, whatever the case; all must match."""
    return [
        movie
        for movie in all_good_movies()
        if title.casefold() in movie["title"].casefold()
        and any(actor.casefold() in name.casefold() for name in movie["cast"] or [""])
        and any(genre.casefold() in name.casefold() for name in movie["genres"] or [""])
        and year in (None, movie["year"])
    ]


def test_every_file_of_the_folder_is_expected_and_described():
    files = {path.name for path in SAMPLES.iterdir()} - NO_SAMPLES
    assert files == set(EXPECTED)
    readme = (SAMPLES / "README.md").read_text("utf-8")
    assert [name for name in files if f"| `{name}` |" not in readme] == []


def test_the_readme_gives_the_true_counts():
    readme = (SAMPLES / "README.md").read_text("utf-8")
    assert f"a JSON array of {EXPECTED['movies.json']['read']} films" in readme
    for name in ("classics.ndjson", "nineties.json.gz"):
        assert f"| `{name}` | {EXPECTED[name]['read']} films" in readme


def test_expected_outcomes_speak_the_language_of_imports():
    for outcome in EXPECTED.values():
        assert ImportStatus(outcome["status"]) in (ImportStatus.SUCCEEDED, ImportStatus.FAILED)
        assert (outcome["status"] == ImportStatus.FAILED) == ("error_code" in outcome)
    assert EXPECTED["bad-records.json"]["error_code"] == ErrorCode.BAD_RECORDS
    assert EXPECTED["not-json.json"]["error_code"] == ErrorCode.NOT_JSON


@pytest.mark.parametrize("name", GOOD_FILES)
def test_a_good_file_has_the_expected_number_of_records(name):
    assert EXPECTED[name] == {"status": "succeeded", "read": len(records_of(name))}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_every_record_of_a_good_file_passes_the_schema_unchanged(name):
    schema = MovieSchema()
    for record in records_of(name):
        assert schema.load(record) == record


def test_no_movie_stands_twice_in_the_good_files():
    ids = [movie_id(movie["title"], movie["year"], movie["cast"]) for movie in all_good_movies()]
    assert len(set(ids)) == len(ids)


def test_the_films_span_the_history_of_the_cinema():
    years = [movie["year"] for movie in records_of("movies.json")]
    assert (min(years), max(years)) == (1902, 2023)
    assert all(1990 <= movie["year"] <= 1999 for movie in records_of("nineties.json.gz"))


def test_movies_json_is_indented_by_two_spaces_and_escapes_nothing():
    text = (SAMPLES / "movies.json").read_text("utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


def test_one_movie_json_is_an_object_and_not_an_array():
    assert isinstance(json.loads((SAMPLES / "one-movie.json").read_bytes()), dict)


def test_the_gzip_header_names_neither_a_time_nor_a_file():
    header = (SAMPLES / "nineties.json.gz").read_bytes()[:8]
    assert header == b"\x1f\x8b\x08" + b"\0" + b"\0\0\0\0"  # magic, deflate, flags, time


def test_bad_records_json_has_the_expected_number_of_good_and_bad_records():
    expected = EXPECTED["bad-records.json"]
    assert expected["read"] == len(records_of("bad-records.json"))
    assert expected["bad_records"] == len(bad_records()) == len(FAULTS)
    assert expected["read"] > expected["bad_records"]


@pytest.mark.parametrize(
    ("index", "has_fault", "path", "message"),
    [(index, *fault) for index, fault in enumerate(FAULTS)],
    ids=FAULT_NAMES,
)
def test_a_bad_record_fails_for_its_own_reason_alone(index, has_fault, path, message):
    record = bad_records()[index]
    assert has_fault(record)
    with pytest.raises(ValidationError) as caught:
        MovieSchema().load(record)
    assert flatten_messages(caught.value) == [(path, message)]


def test_the_half_surrogate_and_the_nul_are_escaped_so_that_the_file_is_utf_8():
    text = (SAMPLES / "bad-records.json").read_bytes().decode("utf-8", errors="strict")
    assert r"\ud800" in text
    assert r"\u0000" in text
    assert "\0" not in text


def test_not_json_json_is_an_error_page():
    text = (SAMPLES / "not-json.json").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_national_treasure_stands_as_in_the_documentation():
    assert find(title="National Treasure", year=2004) == [
        {
            "title": "National Treasure",
            "year": 2004,
            "cast": [
                "Nicolas Cage",
                "Diane Kruger",
                "Justin Bartha",
                "Jon Voight",
                "Harvey Keitel",
                "Sean Bean",
                "Christopher Plummer",
            ],
            "genres": ["Adventure"],
        }
    ]


def test_the_merchant_of_venice_is_there():
    assert len(find(title="The Merchant of Venice", year=2004)) == 1


@pytest.mark.parametrize(
    ("query", "least"),
    [
        ({"title": "The Incredibles"}, 1),
        ({"actor": "bob"}, 5),
        ({"year": 2016}, 10),
        ({"genre": "action"}, 10),
        ({"year": 2016, "genre": "action"}, 2),
    ],
    ids=str,
)
def test_the_example_queries_find_something_and_not_everything(query, least):
    assert least <= len(find(**query)) < len(all_good_movies()) / 2


def test_two_films_of_one_title_and_year_differ_in_the_first_billed():
    assert [movie["cast"][0] for movie in find(title="carmen", year=1915)] == [
        "Geraldine Farrar",
        "Theda Bara",
    ]
