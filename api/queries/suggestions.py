"""What to suggest while somebody types: titles and actors with a word that begins like that."""

import dataclasses
import itertools
from typing import Final, Literal

import sqlalchemy as sa

from api.queries.filters import Reach, reach_of
from api.queries.planning import BY_INDEX, BY_LIST
from api.queries.rows import select_in_time

MILLISECONDS: Final = 50  # for each of at most four statements

# Suggestions are made of so many movies: of all that match, or else of the newest.
_ALL: Final = 1_000
_NEWEST: Final = 200
_COMMON_MAX_LENGTH: Final = 2


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A title or the name of an actor."""

    kind: Literal["title", "actor"]
    text: str


# What stands before a word in folded texts: nothing, a blank, a hyphen, an apostrophe, or an X, the
# end of another name. The per cent signs are doubled for psycopg2.
_BEFORE: Final = ("", "%%Q", "%%V", "%%Z", "%%X")

_TITLES: Final = """
WITH found AS MATERIALIZED (
    SELECT title, year, title_folded FROM movies WHERE {title_begins} {order} LIMIT {bound}
)
SELECT title AS text, (SELECT count(*) FROM found) AS movies
FROM found GROUP BY title
ORDER BY bool_or(starts_with(title_folded, mru_search_text(%(term)s))) DESC, max(year) DESC, title
LIMIT %(limit)s
"""
_ACTORS: Final = """
WITH found AS MATERIALIZED (
    SELECT "cast" FROM movies WHERE {cast_begins} {order} LIMIT {bound}
)
SELECT name AS text, (SELECT count(*) FROM found) AS movies
FROM found, unnest("cast") AS name, mru_search_text(name) AS name_folded
WHERE {name_begins}
GROUP BY name ORDER BY count(*) DESC, name
LIMIT %(limit)s
"""


def suggest(connection: sa.Connection, term: str, limit: int) -> list[Suggestion]:
    """Returns at most `limit` suggestions for what was typed so far: titles and actors by turns.

    Titles that begin with it come first, then the newest; actors by the number of their movies.
    """
    if reach_of(connection, term) is Reach.NOTHING:
        return []
    titles = [Suggestion("title", text) for text in _find(connection, _TITLES, term, limit)]
    actors = [Suggestion("actor", text) for text in _find(connection, _ACTORS, term, limit)]
    by_turns = itertools.chain.from_iterable(itertools.zip_longest(titles, actors))
    return [suggestion for suggestion in by_turns if suggestion is not None][:limit]


def _find(connection: sa.Connection, statement: str, term: str, limit: int) -> list[str]:
    values = {"term": term, "limit": limit}
    walk = BY_LIST + _filled_in(statement, "ORDER BY year DESC, id DESC", _NEWEST)
    look_up = BY_INDEX + _filled_in(statement, "", _ALL + 1)
    ways = [look_up, walk] if len(term) > _COMMON_MAX_LENGTH else [walk, look_up]
    if reach_of(connection, " " + term) is not Reach.INDEX:
        ways = [walk]
    for way in ways:
        rows = select_in_time(connection, way, values, milliseconds=MILLISECONDS)
        if rows is not None and (not rows or rows[0]["movies"] <= _ALL):
            return [row["text"] for row in rows]
    return []


def _filled_in(statement: str, order: str, bound: int) -> str:
    return statement.format(
        title_begins=_begins("title_folded"),
        cast_begins=_begins("cast_folded"),
        name_begins=_begins("name_folded"),
        order=order,
        bound=bound,
    )


def _begins(column: str) -> str:
    patterns = (f"'{before}' || substr(mru_like(%(term)s), 2)" for before in _BEFORE)
    return "(" + " OR ".join(f"{column} LIKE {pattern}" for pattern in patterns) + ")"
