"""Which indexes a search looks its conditions up in."""

import pytest

from api.queries.filters import Condition, Index
from api.queries.planning import cheapest_indexes

YEAR = Condition("year = %s", (1994,), Index.YEARS)
GENRE = Condition("genres && %s::text[]", (["Drama"],), Index.GENRES)
TITLE = Condition("title_folded LIKE mru_like(%s)", ("night",), Index.TRIGRAMS)
ACTOR = Condition("cast_folded LIKE mru_like(%s)", ("mary",), Index.TRIGRAMS)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([(0.5, TITLE)], {TITLE.sql}),
        ([(0.5, TITLE), (0.4, ACTOR)], {TITLE.sql, ACTOR.sql}),
        # What is rare is read at once; to read all movies of a genre as well takes longer.
        ([(0.5, GENRE), (0.001, ACTOR)], {ACTOR.sql}),
        ([(0.01, GENRE), (0.01, ACTOR)], {GENRE.sql, ACTOR.sql}),
        # The title is in every second movie of that year, which are few.
        ([(0.01, YEAR), (0.5, TITLE)], {YEAR.sql}),
        ([(0.01, YEAR), (0.02, TITLE)], {YEAR.sql, TITLE.sql}),
    ],
)
def test_an_index_is_read_where_that_spares_more(
    shares: list[tuple[float, Condition]], expected: set[str]
) -> None:
    through, _ = cheapest_indexes(shares, 1_000_000)
    assert sorted(each.sql for each in through) == sorted(expected)


def test_what_is_read_has_a_cost_in_movies() -> None:
    # An entry of this index is a quarter of a movie.
    _, cost = cheapest_indexes([(0.01, TITLE)], 1_000_000)
    assert cost == 12_500
    _, less = cheapest_indexes([(0.01, TITLE), (0.01, ACTOR)], 1_000_000)
    assert less == 5_100
