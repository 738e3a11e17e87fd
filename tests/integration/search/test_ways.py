"""However a page is found, it is the same page; and one way or another it is found."""

from typing import Any

import pytest

from api.queries import planning, ways
from tests.searching import Search, ids_of

QUERIES: list[dict[str, Any]] = [
    {"title": ["the"]},
    {"title": ["love"], "sort": "title"},
    {"actor": ["john", "mary"], "sort": "-title"},
    {"actor": ["n b"], "year_from": "1950", "sort": "year"},
    {"title": ["a"], "actor": ["tom"]},
    {"title": ["e"], "year": "1994"},
    {"genre": ["drama"], "sort": "title"},
    {"genre": ["silent"]},
    {"title": ["xqzv"]},
]


@pytest.mark.parametrize("lost", [{"_look_up"}, {"_walk"}, {"_look_up", "_walk"}])
def test_every_way_leads_to_the_same_pages(
    many_search: Search, lost: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [pages_around(many_search, query) for query in QUERIES]
    for way in lost:
        monkeypatch.setattr(ways, way, lambda *_: None)
    for query, pages in zip(QUERIES, expected, strict=True):
        assert pages_around(many_search, query) == pages, query


def pages_around(many_search: Search, query: dict[str, Any]) -> list[Any]:
    """The first page, the third one, and the one after the first, without their totals."""
    pages = [many_search.find(**query), many_search.find(**query, page="3")]
    if pages[0].following:
        pages.append(many_search.find(**query, cursor=pages[0].following))
    return [(page.rows, page.following, page.preceding) for page in pages]


def test_what_there_is_no_time_for_is_found_nonetheless(
    many_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = many_search.find(actor=["john"], title=["the"])
    monkeypatch.setattr(ways, "LOOK_UP_MILLISECONDS", 1)
    monkeypatch.setattr(ways, "WALK_MILLISECONDS", 1)
    assert ids_of(many_search.find(actor=["john"], title=["the"]).rows) == ids_of(expected.rows)


@pytest.mark.usefixtures("real_records")  # the samples have too few words
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"title": ["carmen"]}, {"_look_up"}),
        ({"title": ["the"]}, {"_walk"}),
        ({"title": ["the"], "genre": ["drama"]}, {"_walk"}),
        # Each is common here, and both at once is next to nothing.
        ({"title": ["love", "night"]}, {"_look_up"}),
        ({"title": ["love", "night"], "year_from": "1990"}, {"_walk"}),
        ({"title": ["e"]}, {"_walk"}),
    ],
)
def test_the_cheaper_way_is_taken(
    many_search: Search,
    query: dict[str, Any],
    expected: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = set()
    for name in ("_look_up", "_walk", "_sort"):
        way = getattr(ways, name)
        monkeypatch.setattr(
            ways, name, lambda *a, _name=name, _way=way: taken.add(_name) or _way(*a)
        )
    # Common among 200,000, as 50,000 are among millions.
    monkeypatch.setattr(planning, "_COMMON", 1_000)
    monkeypatch.setattr(ways, "LOOK_UP_MILLISECONDS", 3_000)
    monkeypatch.setattr(ways, "WALK_MILLISECONDS", 3_000)
    many_search.find(**query)
    assert taken == expected
