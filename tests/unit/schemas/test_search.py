"""What may be asked of the movies, and the cursor that leads from page to page."""

import base64
import contextlib
import json
import re
import uuid
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas.fields import flatten_messages
from schemas.movie import YEAR_MAXIMUM, YEAR_MINIMUM
from schemas.search import (
    LIMIT_DEFAULT,
    LIMIT_MAXIMUM,
    PAGE_MAXIMUM,
    Count,
    Cursor,
    Direction,
    MovieSearchSchema,
    Sort,
    fingerprint,
)

# A machine that is busy with something else is no failure.
PATIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

CARMEN: Final = uuid.UUID("49702c78-73ed-53a0-947d-fb3726e32150")
NO_CURSOR: Final = "Must be a cursor from the Link header of a page of this search."
OF_ANOTHER: Final = "Is of another search: its filters or its sort were not these."
EVERYTHING: Final = fingerprint({})

# The longest there can be: a title of 500 characters, each of which folds into several.
KEYS: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=2_000)


def make_cursor(sort: Sort = Sort.NEWEST, **changes: Any) -> Cursor:
    place = {"key": "1915", "direction": Direction.NEXT, "id": CARMEN, "search": EVERYTHING}
    return Cursor(sort=sort, **place | changes)


def forge(json_text: str) -> str:
    return base64.urlsafe_b64encode(json_text.encode()).decode().rstrip("=")


def faults_of(query: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        MovieSearchSchema().load(query)
    return flatten_messages(caught.value)


@PATIENT
@given(
    st.sampled_from([Sort.NEWEST, Sort.OLDEST]),
    st.sampled_from(Direction),
    st.integers(YEAR_MINIMUM, YEAR_MAXIMUM),
    st.uuids(),
)
def test_a_place_among_years_survives_its_journey_through_a_url(
    sort: Sort, direction: Direction, year: int, movie: uuid.UUID
) -> None:
    cursor = Cursor(sort, direction, str(year), movie, EVERYTHING)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,120}", cursor.encode())
    assert Cursor.decode(cursor.encode()) == cursor


@PATIENT
@given(st.sampled_from([Sort.TITLE, Sort.TITLE_BACKWARDS]), KEYS)
@example(Sort.TITLE, "")
@example(Sort.TITLE, "映" * 2_000)
def test_a_place_among_titles_survives_its_journey_through_a_url(sort: Sort, key: str) -> None:
    cursor = make_cursor(sort, key=key)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor.encode())
    assert Cursor.decode(cursor.encode()) == cursor


@PATIENT
@given(
    st.one_of(
        st.text(),
        st.text("ABCDwxyz0189-_=+/"),
        st.binary().map(lambda some: base64.urlsafe_b64encode(some).decode()),
        st.text("[]{},:\"'09eE.-+ntfIN \\u").map(forge),
        st.lists(st.one_of(st.none(), st.text(), st.integers()), max_size=6).map(
            lambda some: forge(json.dumps(some))
        ),
    )
)
@example("=")
@example("A")
@example("é")
@example("\ud83d")
@example(forge("[" * 100_000))
@example(forge("9" * 5_000))
def test_any_text_is_a_cursor_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert Cursor.decode(text).encode() == text


FORGED: Final[list[Any]] = [
    None,
    5,
    "ab",
    [],
    {},
    ["-year", "next", "2004", CARMEN.hex],
    ["-year", "next", "2004", CARMEN.hex, EVERYTHING, 1],
    ["rating", "next", "2004", CARMEN.hex, EVERYTHING],
    ["-year", "first", "2004", CARMEN.hex, EVERYTHING],
    ["-year", "next", 2004, CARMEN.hex, EVERYTHING],
    ["-year", "next", "", CARMEN.hex, EVERYTHING],
    ["-year", "next", "amelie", CARMEN.hex, EVERYTHING],
    ["-year", "next", str(YEAR_MINIMUM - 1), CARMEN.hex, EVERYTHING],
    ["-year", "next", str(YEAR_MAXIMUM + 1), CARMEN.hex, EVERYTHING],
    ["-year", "next", "9" * 1_900, CARMEN.hex, EVERYTHING],
    ["-year", "next", "2" * 5_000, CARMEN.hex, EVERYTHING],
    ["title", "next", "x" * 2_001, CARMEN.hex, EVERYTHING],
    ["title", "next", "a\0b", CARMEN.hex, EVERYTHING],
    ["title", "next", None, CARMEN.hex, EVERYTHING],
    ["-year", "next", "2004", None, EVERYTHING],
    ["-year", "next", "2004", str(CARMEN), EVERYTHING],
    ["-year", "next", "2004", "Carmen", EVERYTHING],
    [["-year"], "next", "2004", CARMEN.hex, EVERYTHING],
    [None, None, None, None, None],
]


@pytest.mark.parametrize("content", FORGED)
def test_a_forged_cursor_is_a_fault_that_names_its_parameter(content: Any) -> None:
    forged = forge(json.dumps(content, separators=(",", ":")))
    with pytest.raises(ValueError):  # noqa: PT011  it carries the text, and nobody sees it
        Cursor.decode(forged)
    assert faults_of({"cursor": forged}) == [("cursor", NO_CURSOR)]


def test_a_cursor_has_one_spelling() -> None:
    text = make_cursor().encode()
    plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    for other in (text + "=", text + " ", forge(" " + plain), forge(plain.upper())):
        assert faults_of({"cursor": other}) == [("cursor", NO_CURSOR)]


@pytest.mark.parametrize("half", ["\\ud83d", "\\ud83d\\u0061"])
def test_a_cursor_with_half_a_character_is_forged(half: str) -> None:
    forged = forge(f'["title","next","{half}","{CARMEN.hex}","{EVERYTHING}"]')
    assert faults_of({"cursor": forged}) == [("cursor", NO_CURSOR)]


def test_a_cursor_of_another_order_is_refused() -> None:
    text = make_cursor(Sort.OLDEST).encode()
    assert MovieSearchSchema().load({"cursor": text, "sort": "year"})["cursor"].sort is Sort.OLDEST
    for query in ({}, {"sort": "-year"}, {"sort": "title"}):
        assert faults_of({**query, "cursor": text}) == [("cursor", OF_ANOTHER)]


@pytest.mark.parametrize(
    "other",
    [
        {"title": ["carmen"]},
        {"title": ["Carmen", "jones"]},
        {"actor": ["Carmen"]},
        {"title": ["Carmen"], "year": "1915"},
        {"title": ["Carmen"], "year_from": "1915"},
        {"title": ["Carmen"], "year_to": "1915"},
        {},
    ],
)
def test_a_cursor_of_other_filters_is_refused(other: dict[str, Any]) -> None:
    text = make_cursor(search=fingerprint(MovieSearchSchema().load({"title": ["Carmen"]}))).encode()
    assert faults_of({**other, "cursor": text}) == [("cursor", OF_ANOTHER)]


def test_what_changes_no_list_changes_no_cursor() -> None:
    first = MovieSearchSchema().load({"title": ["a", "b"], "actor": ["Ame\u0301lie "]})
    second = {"title": ["b", "a"], "actor": ["Amélie"], "limit": "5", "fields": "id"}
    text = make_cursor(search=fingerprint(first)).encode()
    loaded = MovieSearchSchema().load({**second, "count": "none", "cursor": text})
    assert fingerprint(loaded) == fingerprint(first)


def test_filters_that_read_alike_are_told_apart() -> None:
    queries = [
        {"title": ["a", "b"]},
        {"title": ["a,b"]},
        {"title": ["a", "b", "b"]},
        {"title": ["a"], "actor": ["b"]},
        {"title": ["a"], "genre": ["b"]},
        {"year_from": 1915},
        {"year_to": 1915},
        {"year": 1915},
        {},
    ]
    assert len({fingerprint(query) for query in queries}) == len(queries)


@pytest.mark.parametrize("value", [5, ["a"], {}, True])
def test_what_is_no_text_is_no_cursor(value: Any) -> None:
    assert faults_of({"cursor": value}) == [("cursor", NO_CURSOR)]


def test_a_search_for_nothing_asks_for_the_first_page_of_everything() -> None:
    assert MovieSearchSchema().load({}) == {
        "title": [],
        "actor": [],
        "genre": [],
        "sort": Sort.NEWEST,
        "limit": LIMIT_DEFAULT,
        "count": Count.CAPPED,
    }


def test_all_filters_can_be_combined() -> None:
    filters = {"title": ["road", "to"], "actor": ["Bob", "hope"], "genre": ["comedy"]}
    years = dict.fromkeys(("year", "year_from", "year_to"), 1940)
    cursor = make_cursor(Sort.TITLE, key="road to", search=fingerprint(filters | years))
    query = {
        "title": ["road", "to"],
        "actor": [" Bob ", "hope"],
        "genre": ["comedy"],
        "year": "1940",
        "year_from": "1940",
        "year_to": "1940",
        "sort": "title",
        "limit": str(LIMIT_MAXIMUM),
        "cursor": cursor.encode(),
        "fields": "year,title",
        "count": "none",
    }
    assert MovieSearchSchema().load(query) == {
        **filters,
        **years,
        "sort": Sort.TITLE,
        "limit": LIMIT_MAXIMUM,
        "cursor": cursor,
        "fields": ("title", "year"),
        "count": Count.NONE,
    }


@pytest.mark.parametrize("text", ["%", "_", "\\", "'; DROP TABLE movies; --"])
def test_a_filter_takes_every_character_as_it_is(text: str) -> None:
    assert MovieSearchSchema().load({"title": [text]})["title"] == [text]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"titel": ["incredibles"]}, "titel"),
        ({"title": [""]}, "title[0]"),
        ({"actor": ["bob", "\0"]}, "actor[1]"),
        ({"genre": ["g" * 201]}, "genre[0]"),
        ({"year": "0"}, "year"),
        ({"year": "99999"}, "year"),
        ({"year_from": "1e3"}, "year_from"),
        ({"limit": "0"}, "limit"),
        ({"limit": str(LIMIT_MAXIMUM + 1)}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"year_from": "2000", "year_to": "1999"}, "year_to"),
        ({"sort": "rating"}, "sort"),
        ({"sort": "TITLE"}, "sort"),
        ({"count": "all"}, "count"),
        ({"page": "0"}, "page"),
        ({"page": "1000000000"}, "page"),
        ({"page": "9" * 5_000}, "page"),
        ({"page": "1", "cursor": make_cursor().encode()}, "page"),
        ({"fields": ""}, "fields"),
        ({"fields": "rating"}, "fields"),
        ({"fields": "title,"}, "fields"),
        ({"fields": "title, year"}, "fields"),
        ({"fields": "title,title"}, "fields"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(query: dict[str, Any], path: str) -> None:
    assert [fault[0] for fault in faults_of(query)] == [path]


def test_beyond_the_last_page_there_is_a_way_on() -> None:
    assert MovieSearchSchema().load({"page": str(PAGE_MAXIMUM)})["page"] == PAGE_MAXIMUM
    ((name, message),) = faults_of({"page": str(PAGE_MAXIMUM + 1)})
    assert name == "page"
    assert "cursor" in message


def test_a_field_that_is_nearly_right_is_suggested() -> None:
    assert faults_of({"fields": "titel"}) == [("fields", "Unknown field. Did you mean title?")]
    ((_, message),) = faults_of({"fields": "rating"})
    assert message == "Unknown field. Known are id, title, year, cast, genres."
