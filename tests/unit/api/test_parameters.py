"""How strictly queries are read: nothing in them is ignored, mended or guessed."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from api.errors import InvalidError
from api.parameters import read_pairs, read_query
from schemas.search import Cursor, Direction, MovieSearchSchema, Sort, fingerprint

SCHEMA = MovieSearchSchema()
Faults = dict[str, str]


def faults_of(read: Callable[[], Any]) -> Faults:
    with pytest.raises(InvalidError) as raised:
        read()
    return dict(raised.value.faults)


def test_filters_may_be_repeated_and_combined() -> None:
    query = read_query(SCHEMA, b"actor=bob&actor=hope&genre=comedy&year_from=1940&limit=5")
    assert query["actor"] == ["bob", "hope"]
    assert query["genre"] == ["comedy"]
    assert (query["year_from"], query["limit"]) == (1940, 5)


def test_nothing_asked_is_a_question_too() -> None:
    query = read_query(SCHEMA, b"")
    assert (query["title"], query["limit"]) == ([], 20)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        (b"title=The%20Incredibles", "The Incredibles"),
        (b"title=The+Incredibles", "The Incredibles"),
        (b"title=Am%C3%A9lie", "Amélie"),
        ("title=Amélie".encode(), "Amélie"),
        (b"title=Ame%CC%81lie", "Amélie"),
        (b"title=100%25", "100%"),
        (b"title=100%", "100%"),
        (b"title=a%26b%3Dc", "a&b=c"),
        (b"title=a=b", "a=b"),
        (b"&&title=x&", "x"),
    ],
)
def test_values_are_decoded_as_urls_are_encoded(query: bytes, title: str) -> None:
    assert read_query(SCHEMA, query)["title"] == [title]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        (b"titel=x", "titel", "Unknown parameter. Did you mean title?"),
        (b"Title=x", "Title", "Unknown parameter. Did you mean title?"),
        (b"actors=x", "actors", "Unknown parameter. Did you mean actor?"),
        (b"=x", "", "Unknown parameter. Known are title"),
        (b"year=2004&year=2005", "year", "Must be given once."),
        (b"limit=1&limit=1", "limit", "Must be given once."),
        (b"title=", "title[0]", "Must not be empty."),
        (b"title", "title[0]", "Must not be empty."),
        (b"title=%20", "title[0]", "Must not be empty."),
        (b"title=%00", "title[0]", "Must not contain NUL"),
        (b"title=%ED%A0%80", "title", "Must be UTF-8."),
        (b"title=%FF", "title", "Must be UTF-8."),
        (b"title=\xff", "title", "Must be UTF-8."),
        (b"%FF=x", "%FF", "Must be UTF-8."),
        (b"title=" + b"x" * 501, "title[0]", "Must be at most 500 characters long."),
        (b"actor=" + b"x" * 201, "actor[0]", "Must be at most 200 characters long."),
        (b"year=", "year", "Must be a whole number."),
        (b"year=%201999", "year", "Must be a whole number."),
        (b"year=1e3", "year", "Must be a whole number."),
        (b"year=+1999", "year", "Must be a whole number."),
        (b"year=%D9%A1%D9%A9%D9%A9%D9%A9", "year", "Must be a whole number."),
        (b"year=99999999999", "year", "Must be between 1870 and 2100."),
        (b"year=1000000000", "year", "Must be between 1870 and 2100."),
        (b"year_from=2000&year_to=1990", "year_to", "Must not be before year_from."),
        (b"limit=0", "limit", "Must be between 1 and 100."),
        (b"limit=101", "limit", "Must be between 1 and 100."),
        (b"limit=-1", "limit", "Must be a whole number."),
        (b"cursor=forged", "cursor", "Must be a cursor"),
        (b"cursor=", "cursor", "Must be a cursor"),
        (b"cursor=" + b"W" * 3000, "cursor", "Must be a cursor"),
    ],
)
def test_what_is_wrong_is_refused_and_named(query: bytes, field: str, message: str) -> None:
    faults = faults_of(lambda: read_query(SCHEMA, query))
    assert list(faults) == [field]
    assert faults[field].startswith(message)


def test_every_fault_is_told_at_once() -> None:
    query = b"titel=x&year=x&limit=0&limit=1&actor=%00"
    faults = faults_of(lambda: read_query(SCHEMA, query))
    assert set(faults) == {"titel", "year", "limit", "actor[0]"}


def test_a_strangers_name_is_not_given_back_in_full() -> None:
    faults = faults_of(lambda: read_query(SCHEMA, b"x" * 5000 + b"=1"))
    assert list(faults) == ["x" * 100]


def test_a_cursor_comes_back_as_it_went_out() -> None:
    movie = uuid.UUID("6f1d9c3e-3b0e-5a52-9c9e-0f5b7f0f6d11")
    cursor = Cursor(Sort.NEWEST, Direction.NEXT, "2004", movie, fingerprint({}))
    assert read_query(SCHEMA, f"cursor={cursor.encode()}".encode())["cursor"] == cursor


def test_pairs_keep_their_order() -> None:
    assert read_pairs(b"b=1&a=2&b=3") == [("b", "1"), ("a", "2"), ("b", "3")]
