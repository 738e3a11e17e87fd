"""How answers are written."""

import re

import pytest

from api.answers import link_header


def test_a_page_links_to_the_first_and_to_those_around_it() -> None:
    header = link_header(
        "/movies",
        [("title", "a&b"), ("cursor", "old"), ("limit", "5")],
        pagers={"cursor", "page"},
        places={"prev": ("page", "1"), "next": ("cursor", "new")},
    )
    same = "/movies?title=a%26b&limit=5"
    assert header["Link"].split(", ") == [
        f'<{same}>; rel="first"',
        f'<{same}&page=1>; rel="prev"',
        f'<{same}&cursor=new>; rel="next"',
    ]


def test_the_only_page_links_to_the_first_alone() -> None:
    places = {"prev": None, "next": None}
    header = link_header("/movies", [("cursor", "old")], pagers={"cursor"}, places=places)
    assert header == {"Link": '</movies>; rel="first"'}


@pytest.mark.parametrize("value", ['">; rel="next"', "a\r\nX-Evil: 1", "Amélie", "a, <b>"])
def test_nothing_in_a_query_can_break_out_of_the_header(value: str) -> None:
    (link,) = link_header("/movies", [("title", value)], pagers=(), places={}).values()
    assert re.fullmatch(r'</movies\?title=[A-Za-z0-9%._~-]+>; rel="first"', link)
