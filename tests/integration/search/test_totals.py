"""How many were found: exactly as far as is promised, and at least so many beyond it."""

import psycopg2
import pytest

from api import queries
from api.queries import totals
from local.database import Dsns
from tests.integration.search.conftest import MANY
from tests.searching import Search


def count(dsns: Dsns, condition: str) -> int:
    with psycopg2.connect(dsns.admin) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM movies WHERE {condition}")
        (number,) = cursor.fetchone()
    connection.close()
    return int(number)


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ({"title": ["carmen"]}, "strpos(mru_fold(title), 'carmen') > 0"),
        ({"actor": ["cage"]}, "strpos(mru_fold(array_to_string(\"cast\", ' / ')), 'cage') > 0"),
        ({"genre": ["martial"]}, "'Martial Arts' = ANY(genres)"),
        ({"year": "1994"}, "year = 1994"),
        ({"title": ["xqzv"]}, "false"),
        ({"title": ["e"], "year": "1905"}, "strpos(mru_fold(title), 'e') > 0 AND year = 1905"),
    ],
)
def test_up_to_ten_thousand_every_movie_is_counted(
    many: Dsns, many_search: Search, query: dict, condition: str
) -> None:
    expected = count(many, condition)
    assert expected <= 10_000
    for page in ("1", "2"):
        assert many_search.find(**query, page=page).total == queries.Total(expected, "eq")


@pytest.mark.parametrize(
    "query", [{}, {"title": ["the"]}, {"genre": ["drama"]}, {"year_to": "1995"}]
)
def test_beyond_ten_thousand_the_total_says_at_least(many_search: Search, query: dict) -> None:
    assert many_search.find(**query).total == queries.Total(10_000, "gte")


@pytest.mark.usefixtures("real_records")  # the samples have too few words
def test_what_no_index_knows_is_counted_in_a_part_of_the_table(
    many: Dsns, many_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = count(many, "strpos(mru_fold(title), 'xy') > 0")
    monkeypatch.setattr(totals, "BLOCKS", 1_000_000)
    assert many_search.find(title=["xy"]).total == queries.Total(everything, "eq")
    monkeypatch.setattr(totals, "BLOCKS", 1_000)
    part = count(many, "strpos(mru_fold(title), 'xy') > 0 AND ctid < '(1000,0)'")
    assert many_search.find(title=["xy"], limit="1").total == queries.Total(part, "gte")


@pytest.mark.usefixtures("real_records")  # the samples have too few words
def test_with_years_it_is_counted_in_the_last_movies_of_those_years(
    many: Dsns, many_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_years = "strpos(mru_fold(title), 'xy') > 0 AND year <= 1994"
    query = {"title": ["xy"], "year_to": "1994", "limit": "1"}
    monkeypatch.setattr(totals, "BLOCKS", 1_000)
    monkeypatch.setattr(totals, "LISTED", MANY)
    assert many_search.find(**query).total == queries.Total(count(many, of_years), "eq")
    monkeypatch.setattr(totals, "LISTED", 50_000)
    last = "SELECT id FROM movies WHERE year <= 1994 ORDER BY year DESC, id DESC LIMIT 50000"
    part = count(many, f"{of_years} AND id IN ({last})")
    assert many_search.find(**query).total == queries.Total(part, "gte")


def test_a_table_that_is_counted_as_a_whole_needs_no_list(
    many: Dsns, many_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "BLOCKS", 1_000_000)
    monkeypatch.setattr(totals, "LISTED", 1)
    everything = count(many, "strpos(mru_fold(title), 'xy') > 0 AND year <= 1994")
    total = many_search.find(title=["xy"], year_to="1994", limit="1").total
    assert total == queries.Total(everything, "eq")


@pytest.mark.parametrize("query", [{"title": ["e"], "year_from": "1930"}, {"actor": ["an"]}])
def test_the_same_search_has_the_same_total(many_search: Search, query: dict) -> None:
    first, *others = [many_search.find(**query, limit=limit).total for limit in ("1", "2", "3")]
    assert first is not None
    assert first.relation == "gte"
    assert others == [first, first]


@pytest.mark.usefixtures("real_records")  # the samples have too few words
def test_a_total_is_never_less_than_what_is_shown(
    many_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "BLOCKS", 1)
    page = many_search.find(title=["xy"], limit="50", page="2")
    assert page.total == queries.Total(101, "gte")  # there is a third page


def test_a_last_page_tells_the_total(
    many: Dsns, many_search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "BLOCKS", 1)
    everything = count(many, "strpos(mru_fold(title), 'zz') > 0 AND year = 1999")
    page = many_search.find(title=["zz"], year="1999", limit="100")
    assert page.total == queries.Total(everything, "eq")
    assert len(page.rows) == everything


def test_who_wants_no_total_gets_none(many_search: Search) -> None:
    assert many_search.find(title=["e"], count="none").total is None
    assert many_search.find(count="none").total is None
