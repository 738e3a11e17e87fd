"""The same questions to plain ILIKE on a table without any index, in the same Postgres."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from bench.postgres import connect
from bench.searching.questions import Question
from bench.searching.rivals import Match, Ours, ours_a_second

_COPY: Final = """
CREATE UNLOGGED TABLE plain AS SELECT id, title, year, "cast", genres FROM movies
"""
_PAGE: Final = """
SELECT id, title, year, "cast", genres FROM plain
WHERE {filters} ORDER BY year DESC, id DESC LIMIT 20
"""
_TOTAL: Final = "SELECT count(*) FROM plain WHERE {filters}"
_FILTERS: Final = {
    "title": "title ILIKE %s",
    "actor": "array_to_string(\"cast\", E'\\n') ILIKE %s",
}


def match_ilike(
    cursor: Any, ours: Ours, kind: str, questions: Sequence[Question], *, seconds: float
) -> Match:
    """Asks as many of the questions as the time suffices for, one after another: for a page and
    its exact total.
    """
    asked, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        _ask(cursor, questions[asked % len(questions)])
        asked += 1
    rate = ours_a_second(ours, questions[:asked], counted=True, connections=1, seconds=seconds / 4)
    return Match("ILIKE", kind, True, 1, asked, asked / took, rate)


@contextmanager
def plain_table(dsn: str) -> Iterator[Any]:
    """Copies what movies are, without what searching adds to them, and lends a cursor to it."""
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS plain")  # of a run that was killed
        cursor.execute(_COPY)
        cursor.execute("VACUUM ANALYZE plain")
        try:
            yield cursor
        finally:
            cursor.execute("DROP TABLE plain")


def _ask(cursor: Any, question: Question) -> None:
    filters = " AND ".join(_FILTERS[name] for name, _ in question.terms)
    values = tuple(f"%{_escaped(value)}%" for _, value in question.terms)
    for statement in (_PAGE, _TOTAL):
        cursor.execute(statement.format(filters=filters), values)
        cursor.fetchall()


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
