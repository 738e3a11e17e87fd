"""Which terms an index is asked for: those that it knows something of, and no others."""

import itertools

import psycopg2
import pytest
import sqlalchemy as sa

from api.queries.filters import _REACH, Reach, reach_of
from local.database import Dsns
from tests.integration.search.conftest import MANY
from tests.searching import Search

CHARACTERS = "aZ1 '.%_/\\*"
TERMS = ["".join(term) for n in (1, 2, 3) for term in itertools.product(CHARACTERS, repeat=n)]


def test_plain_terms_are_judged_as_the_database_does(many_search: Search) -> None:
    def judge(connection: sa.Connection) -> list[str]:
        wrong = []
        for term in TERMS:
            row = connection.exec_driver_sql(_REACH, (term,)).mappings().one()
            if (reach_of(connection, term) is Reach.INDEX) != row["index"]:
                wrong.append(term)
        return wrong

    assert many_search.database.ask(judge) == []


@pytest.mark.parametrize("term", ["abc", "a b", "50/50", "ab/", "/c", "%c", "\\c", "é é"])
def test_an_index_knows_something_of_what_it_is_asked_for(
    many: Dsns, many_search: Search, term: str
) -> None:
    assert reach(many_search, term) is Reach.INDEX
    assert found_by_the_index(many, term) < MANY


@pytest.mark.parametrize("term", ["ab", "a/", "a%", "/", "é#"])
def test_what_an_index_knows_nothing_of_is_read(many: Dsns, many_search: Search, term: str) -> None:
    assert reach(many_search, term) is Reach.READING
    assert found_by_the_index(many, term) == MANY


def reach(search: Search, term: str) -> Reach:
    return search.database.ask(lambda connection: reach_of(connection, term))


def found_by_the_index(dsns: Dsns, term: str) -> int:
    """How many movies the index gives for a term, before they are looked at."""
    with psycopg2.connect(dsns.admin) as connection, connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_indexscan = off")
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON)"
            " SELECT id FROM movies WHERE title_folded LIKE mru_like(%s)",
            (term,),
        )
        ((explained,),) = cursor.fetchall()
    connection.close()
    scan = explained[0]["Plan"]["Plans"][0]
    assert scan["Index Name"] == "movies_title_trigrams"
    return int(scan["Actual Rows"])
