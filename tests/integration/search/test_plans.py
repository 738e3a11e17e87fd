"""How Postgres finds movies among 200,000: never by reading them all, statistics or none, and
never by several processes, whose end a time-out waits for.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from api import queries
from api.queries import ways
from local.database import Dsns
from schemas.search import MovieSearchSchema
from tests.searching import Search

SORTS = ("-year", "year", "title", "-title")

GOOD = {
    "Index Scan",
    "Index Only Scan",
    "Bitmap Heap Scan",
    "Tid Range Scan",
}

FILTERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a common title": {"title": ["the"]},
    "a rare title": {"title": ["incredibles"]},
    "a title that nothing has": {"title": ["xqzv"]},
    "a title of common pieces that nothing has": {"title": ["ingtheman"]},
    "a blank in a title": {"title": ["e jo"]},
    "an accent in a title": {"title": ["amélie"]},
    "one letter of a title": {"title": ["e"]},
    "two letters of a title": {"title": ["ar"]},
    "what a sign ends": {"title": ["50/50"]},
    "a common actor": {"actor": ["john"]},
    "a rare actor": {"actor": ["nicolas cage"]},
    "an actor whom nobody knows": {"actor": ["xqzv"]},
    "a blank in a name": {"actor": ["n b"]},
    "two letters of a name": {"actor": ["li"]},
    "a common genre": {"genre": ["drama"]},
    "a rare genre": {"genre": ["martial arts"]},
    "genres by two letters": {"genre": ["co"]},
    "a year": {"year": "1994"},
    "years": {"year_from": "1930", "year_to": "1935"},
    "a title and an actor": {"title": ["the"], "actor": ["john"]},
    "a title and two letters of an actor": {"title": ["love"], "actor": ["li"]},
    "two actors": {"actor": ["john", "mary"]},
    "a title, an actor and a genre": {"title": ["man"], "actor": ["tom"], "genre": ["com"]},
    "a title in a year": {"title": ["love"], "year": "1994"},
    "a letter in a year": {"title": ["a"], "year": "1994"},
    "a common genre in some years": {"genre": ["drama"], "year_from": "1990"},
    "all at once": {
        "title": ["a"],
        "actor": ["john"],
        "genre": ["drama"],
        "year_from": "1930",
        "year_to": "1999",
    },
}


@pytest.fixture(scope="module", params=["analyzed", "new"])
def search(request: pytest.FixtureRequest, many: Dsns) -> Iterator[Search]:
    """The search, where the planner has statistics and where it has none yet.

    It is given time, so that a busy machine makes it leave no way for the next one.
    """
    if request.param == "new":
        forget_statistics(many)
    search = Search(many.api)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ways, "LOOK_UP_MILLISECONDS", 3_000)
        patch.setattr(ways, "WALK_MILLISECONDS", 3_000)
        yield search
    search.database.close()


def forget_statistics(dsns: Dsns) -> None:
    connection = psycopg2.connect(dsns.admin)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE movies SET (autovacuum_enabled = off)")
        cursor.execute(
            "SELECT pg_clear_attribute_stats('public', 'movies', attname, false)"
            " FROM pg_attribute WHERE attrelid = 'movies'::regclass AND attnum > 0"
        )
        cursor.execute("SELECT pg_clear_relation_stats('public', 'movies')")
    connection.close()


@pytest.mark.usefixtures("real_records")  # the samples have too few words
def test_no_search_reads_the_whole_table(search: Search) -> None:
    for (name, filters), sort in itertools.product(FILTERS.items(), SORTS):
        loaded = MovieSearchSchema().load({**filters, "sort": sort})
        assert scans_of_movies(search, loaded) <= GOOD, (name, sort)


def test_no_page_further_on_reads_the_whole_table(search: Search) -> None:
    common: list[dict[str, Any]]
    common = [{}, {"title": ["the"]}, {"genre": ["drama"]}, {"year_from": "1950"}]
    for filters, sort in itertools.product(common, SORTS):
        cursor = search.find(**filters, sort=sort).following
        loaded = MovieSearchSchema().load({**filters, "sort": sort, "cursor": cursor})
        assert scans_of_movies(search, loaded) <= GOOD, (filters, sort)


_INDEXES = {
    "title_folded": "movies_title_trigrams",
    "cast_folded": "movies_cast_trigrams",
    "genres": "movies_genres",
    "year": "movies_by_year",
}
_LOOKED_UP: list[tuple[dict[str, Any], set[str]]] = [
    ({"title": ["carmen"]}, {"title_folded"}),
    ({"title": ["carmen"], "genre": ["drama"]}, {"title_folded"}),
    ({"title": ["carmen"], "year_from": "1994"}, {"title_folded"}),
    ({"title": ["night"], "year": "1994"}, {"title_folded", "year"}),
    ({"title": ["the"], "year": "1994"}, {"year"}),
    ({"actor": ["john"], "genre": ["silent"]}, {"cast_folded", "genres"}),
    ({"title": ["night"], "actor": ["mary"]}, {"title_folded", "cast_folded"}),
]


@pytest.mark.usefixtures("real_records")
@pytest.mark.parametrize(("filters", "expected"), _LOOKED_UP)
def test_a_look_up_reads_the_indexes_that_pay(
    search: Search, filters: dict[str, Any], expected: set[str]
) -> None:
    plans = plans_of(search, MovieSearchSchema().load(filters))
    looked_up = next(plan for plan in plans if plan["Node Type"] == "Sort")
    found = {node["Index Name"] for node in nodes(looked_up) if "Index Name" in node}
    found.discard("movies_pkey")  # by which the page itself is read
    assert found == {_INDEXES[column] for column in expected}


def scans_of_movies(search: Search, query: dict[str, Any]) -> set[str]:
    """Returns the ways in which a search has Postgres read the movies."""
    scans = {
        ("Parallel " if node["Parallel Aware"] else "") + node["Node Type"]
        for plan in plans_of(search, query)
        for node in nodes(plan)
        if node.get("Relation Name") == "movies"
    }
    assert scans
    return scans


def plans_of(search: Search, query: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the plans of all statements of a search, in their order."""
    statements: list[tuple[str, Any]] = []

    def remember(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        statements.append((statement, parameters))

    def ask(connection: sa.Connection) -> list[dict[str, Any]]:
        sa.event.listen(connection, "before_cursor_execute", remember)
        queries.search_movies(connection, query)
        sa.event.remove(connection, "before_cursor_execute", remember)
        return [explain(connection, *statement) for statement in statements]

    return search.database.ask(ask)


# By several processes, where that is allowed at all: millions of movies have it look cheap.
_TEMPTED = (
    "SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0;"
    " SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL min_parallel_index_scan_size = 0"
)


def explain(connection: sa.Connection, statement: str, parameters: Any) -> dict[str, Any]:
    *settings, last = statement.split(";")
    text = ";".join([_TEMPTED, *settings, f" EXPLAIN (FORMAT JSON) {last}"])
    ((found,),) = connection.exec_driver_sql(text, parameters)
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)
