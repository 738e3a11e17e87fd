"""What marking looks at."""

import pytest

from api.pages.cards import Markers, lay_out
from api.pages.marking import Marker, Part


class Forbidden(dict[str, str]):
    """What characters fold to, where nobody may ask for it."""

    def get(self, *_: object) -> str:
        pytest.fail("a text was folded")


def test_without_terms_no_text_is_looked_at() -> None:
    marker = Marker((), Forbidden())
    assert not marker.marks("n" * 200)
    assert marker.mark("National Treasure") == [Part("National Treasure", found=False)]


def test_a_card_of_the_largest_film_is_made_without_looking_at_its_names() -> None:
    nobody = Marker((), Forbidden())
    row = {"id": 1, "title": "x", "year": 2100, "cast": ["n" * 200] * 200, "genres": ["g"] * 20}
    (card,) = lay_out([row], Markers(nobody, nobody, nobody))
    assert (len(card.cast), card.more) == (2, 198)
    assert (len(card.genres), card.more_genres) == (10, 10)
