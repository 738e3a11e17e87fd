"""What to suggest while somebody types: titles and actors with a word that begins like that."""

import dataclasses
import itertools
from typing import Final, Literal

import sqlalchemy as sa

from api.admission import admit_costly
from api.queries.filters import Reach, reach_of
from api.queries.planning import BY_INDEX, BY_LIST
from api.queries.rows import select_in_time

MILLISECONDS: Final = 150  # for each of at most four statements; most need five

# Suggestions are made of all the movies that match, or of some of the newest where these are more.
_ALL: Final = 1_000
_NEWEST: Final = 20_000
_OF_THE_NEWEST: Final = 200

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
    SELECT title, year, title_folded FROM {movies} WHERE {title_begins} LIMIT {bound}
)
SELECT title AS text, (SELECT count(*) FROM found) AS movies
FROM found GROUP BY title
ORDER BY bool_or(starts_with(title_folded, mru_search_text(%(term)s))) DESC, max(year) DESC, title
LIMIT %(limit)s
"""
_ACTORS: Final = """
WITH found AS MATERIALIZED (
    SELECT "cast" FROM {movies} WHERE {cast_begins} LIMIT {bound}
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
    indexed = reach_of(connection, " " + term) is Reach.INDEX
    found = None
    if indexed and len(term) > _COMMON_MAX_LENGTH:
        found = _look_up(connection, statement, term, limit)
    if found is None or found.movies > _ALL:
        admit_costly()
        found = _among_newest(connection, statement, term, limit)
        if indexed and len(term) <= _COMMON_MAX_LENGTH and found.movies < _OF_THE_NEWEST:
            found = _look_up(connection, statement, term, limit) or found
    return found.texts


@dataclasses.dataclass(frozen=True)
class _Found:
    """What to suggest, and how many movies it is made of."""

    texts: list[str]
    movies: int


def _look_up(connection: sa.Connection, statement: str, term: str, limit: int) -> _Found | None:
    filled_in = BY_INDEX + _filled_in(statement, "movies", _ALL + 1)
    return _select(connection, filled_in, term, limit)


def _among_newest(connection: sa.Connection, statement: str, term: str, limit: int) -> _Found:
    newest = f"(TABLE movies ORDER BY year DESC, id DESC LIMIT {_NEWEST}) AS movies"
    filled_in = BY_LIST + _filled_in(statement, newest, _OF_THE_NEWEST)
    return _select(connection, filled_in, term, limit) or _Found([], 0)


def _select(connection: sa.Connection, statement: str, term: str, limit: int) -> _Found | None:
    values = {"term": term, "limit": limit}
    rows = select_in_time(connection, statement, values, milliseconds=MILLISECONDS)
    if rows is None:
        return None
    return _Found([row["text"] for row in rows], rows[0]["movies"] if rows else 0)


def _filled_in(statement: str, movies: str, bound: int) -> str:
    return statement.format(
        title_begins=_begins("title_folded"),
        cast_begins=_begins("cast_folded"),
        name_begins=_begins("name_folded"),
        movies=movies,
        bound=bound,
    )


def _begins(column: str) -> str:
    patterns = (f"'{before}' || substr(mru_like(%(term)s), 2)" for before in _BEFORE)
    begins = " OR ".join(f"{column} LIKE {pattern}" for pattern in patterns)
    # What does not contain it at all is told sooner.
    return f"strpos({column}, mru_search_text(%(term)s)) > 0 AND ({begins})"
