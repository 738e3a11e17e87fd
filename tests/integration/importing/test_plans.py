"""What an import of known movies reads: of the ledger only the entries that contain them."""

import contextlib
from typing import Any

import psycopg2
import pytest

from local.database import Dsns
from worker import store

ENTRIES = 10_000
MOVIES = 500

FILL = f"""
INSERT INTO imports (id, bucket, key, status, on_error, attempts, started_at, finished_at)
SELECT md5(n::text)::uuid, 'b', 'k' || n, 'succeeded', 'fail', 1, now(), now()
FROM generate_series(1, {ENTRIES}) AS n;
INSERT INTO movies (id, import_id, year, title, "cast", genres)
SELECT md5('movie' || n)::uuid, md5(n::text)::uuid, 1999, 'Film ' || n, '{{A}}', '{{Drama}}'
FROM generate_series(1, {MOVIES}) AS n;
INSERT INTO claims (movie_id, import_id)
SELECT md5('movie' || n)::uuid, md5((n + 1)::text)::uuid FROM generate_series(1, {MOVIES}) AS n;
CREATE TEMPORARY TABLE staged AS SELECT id, year, title, "cast", genres FROM movies;
"""


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes_of(part))]


@pytest.mark.parametrize("table", ["analyzed", "new"])
def test_known_movies_are_judged_without_reading_the_whole_ledger(
    database: Dsns, table: str
) -> None:
    with contextlib.closing(psycopg2.connect(database.admin)) as connection:
        cursor = connection.cursor()
        cursor.execute(FILL)
        if table == "analyzed":
            cursor.execute("ANALYZE imports, movies, claims, staged")
        judge = str(store._JUDGE).replace(":me", "md5('1')::uuid")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {judge}")
        (((plan,),),) = cursor.fetchall()
    read = [node for node in nodes_of(plan["Plan"]) if node.get("Relation Name") == "imports"]
    assert read
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in read)
    passed_over = sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in read)
    # Itself, and for each movie the import that brought it and one that has it, too.
    assert rows + passed_over <= 1 + 2 * MOVIES
