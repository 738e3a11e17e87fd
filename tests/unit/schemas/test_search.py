"""What may be asked of the movies, and the cursor that leads from page to page."""

import base64
import contextlib
import re
import uuid
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from schemas.fields import flatten_messages
from schemas.movie import YEAR_MAXIMUM, YEAR_MINIMUM
from schemas.search import LIMIT_DEFAULT, LIMIT_MAXIMUM, Cursor, MovieSearchSchema

# A machine that is busy with something else is no failure.
PATIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

CARMEN: Final = uuid.UUID("49702c78-73ed-53a0-947d-fb3726e32150")
NO_CURSOR: Final = "Must be a cursor from the Link header of a page of this search."


def make_cursor(json_text: str) -> str:
    return base64.urlsafe_b64encode(json_text.encode()).decode().rstrip("=")


def faults_of(query: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        MovieSearchSchema().load(query)
    return flatten_messages(caught.value)


@PATIENT
@given(st.integers(YEAR_MINIMUM, YEAR_MAXIMUM), st.uuids())
def test_a_cursor_survives_its_journey_through_a_url(year: int, movie: uuid.UUID) -> None:
    text = Cursor(year, movie).encode()
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", text)
    assert Cursor.decode(text) == Cursor(year, movie)


@PATIENT
@given(
    st.one_of(
        st.text(),
        st.text("ABCDwxyz0189-_=+/"),
        st.binary().map(lambda some: base64.urlsafe_b64encode(some).decode()),
        st.text("[]{},:\"'09eE.-+ntfIN \\u").map(make_cursor),
    )
)
@example("=")
@example("A")
@example("é")
@example("\ud83d")
@example(make_cursor("[" * 100_000))
@example(make_cursor("9" * 5_000))
def test_any_text_is_a_cursor_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(Cursor.decode(text), Cursor)


@pytest.mark.parametrize(
    "json_text",
    [
        "",
        "null",
        "5",
        '"ab"',
        "[]",
        f'["2004","{CARMEN}"]',
        f'[2004.0,"{CARMEN}"]',
        f'[true,"{CARMEN}"]',
        f'[NaN,"{CARMEN}"]',
        f'[{YEAR_MINIMUM - 1},"{CARMEN}"]',
        f'[{YEAR_MAXIMUM + 1},"{CARMEN}"]',
        f'[{10**400},"{CARMEN}"]',
        f'[2004,"{CARMEN}",1]',
        "[2004,null]",
        "[2004,5]",
        "[2004,{}]",
        '[2004,"Carmen"]',
        f'{{"year":2004,"id":"{CARMEN}"}}',
    ],
)
def test_a_forged_cursor_is_a_fault_that_names_its_parameter(json_text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  it carries the text, and nobody sees it
        Cursor.decode(make_cursor(json_text))
    assert faults_of({"cursor": make_cursor(json_text)}) == [("cursor", NO_CURSOR)]


@pytest.mark.parametrize("value", [5, ["a"], {}, True])
def test_what_is_no_text_is_no_cursor(value: Any) -> None:
    assert faults_of({"cursor": value}) == [("cursor", NO_CURSOR)]


def test_a_search_for_nothing_asks_for_the_first_page_of_everything() -> None:
    assert MovieSearchSchema().load({}) == {
        "title": [],
        "actor": [],
        "genre": [],
        "limit": LIMIT_DEFAULT,
    }


def test_all_filters_can_be_combined() -> None:
    cursor = Cursor(1940, CARMEN)
    query = {
        "title": ["road", "to"],
        "actor": [" Bob ", "hope"],
        "genre": ["comedy"],
        "year": "1940",
        "year_from": "1940",
        "year_to": "1940",
        "limit": str(LIMIT_MAXIMUM),
        "cursor": cursor.encode(),
    }
    assert MovieSearchSchema().load(query) == {
        "title": ["road", "to"],
        "actor": ["Bob", "hope"],
        "genre": ["comedy"],
        "year": 1940,
        "year_from": 1940,
        "year_to": 1940,
        "limit": LIMIT_MAXIMUM,
        "cursor": cursor,
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
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(query: dict[str, Any], path: str) -> None:
    assert [fault[0] for fault in faults_of(query)] == [path]
