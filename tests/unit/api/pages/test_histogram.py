"""The bars of the years: every film is in one, and each leads to its own."""

from hypothesis import given
from hypothesis import strategies as st

from api.pages.histogram import Bar, draw
from api.pages.question import Question
from schemas.movie import YEAR_MAXIMUM, YEAR_MINIMUM
from schemas.search import MovieSearchSchema


def bars(counts: dict[int, int], query: bytes = b"") -> list[Bar]:
    asked = Question.read(query)
    loaded = asked.load(MovieSearchSchema())
    return draw(
        list(counts.items()),
        asked,
        earliest=loaded.get("year_from", YEAR_MINIMUM),
        latest=loaded.get("year_to", YEAR_MAXIMUM),
    )


def test_many_years_are_shown_by_decade_and_the_empty_ones_too() -> None:
    shown = bars({1915: 2, 1919: 1, 1931: 6, 1948: 3})
    assert [(bar.label, bar.count) for bar in shown] == [
        ("1910s", 3),
        ("1920s", 0),
        ("1930s", 6),
        ("1940s", 3),
    ]
    assert [bar.percent for bar in shown] == [50, 0, 100, 50]


def test_few_years_are_shown_one_by_one() -> None:
    assert [bar.label for bar in bars({1915: 2, 1918: 1})] == ["1915", "1916", "1917", "1918"]


def test_one_year_or_none_needs_no_bars() -> None:
    assert bars({}) == bars({1915: 3}) == []


def test_a_bar_leads_to_its_years_and_keeps_the_other_filters() -> None:
    first, *_ = bars({1915: 2, 1990: 1}, b"title=a&year_from=1912")
    assert first.question.query == "title=a&year_from=1912&year_to=1919"


@given(
    st.dictionaries(st.integers(YEAR_MINIMUM, YEAR_MAXIMUM), st.integers(1, 1000), min_size=2),
)
def test_every_film_is_in_a_bar_whose_question_can_be_asked(counts: dict[int, int]) -> None:
    shown = bars(counts)
    assert sum(bar.count for bar in shown) == sum(counts.values())
    assert max(bar.percent for bar in shown) == 100
    for bar in shown:
        query = bar.question.load(MovieSearchSchema())
        first, last = query["year_from"], query["year_to"]
        assert sum(n for year, n in counts.items() if first <= year <= last) == bar.count
