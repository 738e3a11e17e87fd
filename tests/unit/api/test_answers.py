"""How answers are written."""

import re

import pytest

from api.answers import link_header


def test_a_page_with_a_next_one_links_to_it_and_to_the_first() -> None:
    header = link_header(
        "/movies", [("title", "a&b"), ("cursor", "old")], pager="cursor", following="new"
    )
    assert header == {
        "Link": '</movies?title=a%26b>; rel="first", </movies?title=a%26b&cursor=new>; rel="next"'
    }


def test_the_last_page_links_to_the_first_alone() -> None:
    header = link_header("/movies", [("cursor", "old")], pager="cursor", following=None)
    assert header == {"Link": '</movies>; rel="first"'}


@pytest.mark.parametrize("value", ['">; rel="next"', "a\r\nX-Evil: 1", "Amélie", "a, <b>"])
def test_nothing_in_a_query_can_break_out_of_the_header(value: str) -> None:
    (link,) = link_header("/movies", [("title", value)], pager="cursor", following=None).values()
    assert re.fullmatch(r'</movies\?title=[A-Za-z0-9%._~-]+>; rel="first"', link)
