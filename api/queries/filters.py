"""Which movies: the filters of a search as conditions on the table `movies`, with what is known of
how they can be found.

Terms are folded by the same functions of the database that folded the columns.
"""

import dataclasses
import enum
import re
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from api.queries.rows import select_text

# What an index of trigrams can find: three letters in a row, or two and the end of a word, or where
# a word begins. Eight signs are letters in the columns (see mru_search_text in the migrations), and
# of these characters folding leaves one each.
_LETTER: Final = r"[A-Za-z0-9 '.\-:,!&]"
_SIGN: Final = r'["#$%()*+/;<=>?@\[\\\]^_`{|}~]'
_TRIGRAM: Final = re.compile(f"{_LETTER}{{3}}|{_LETTER}{{2}}{_SIGN}|{_SIGN}{_LETTER}")

# Of a few dozen genres. Nobody has a use for a genre of more, but files contain what they like.
_GENRES_MAX: Final = 200

_YEARS: Final = {"year": "year = %s", "year_from": "year >= %s", "year_to": "year <= %s"}


class Index(enum.Enum):
    """What finds the movies that meet a condition."""

    YEARS = enum.auto()
    GENRES = enum.auto()
    TRIGRAMS = enum.auto()


@dataclasses.dataclass(frozen=True)
class Condition:
    """A condition in psycopg2's words, its values, and the index for it, if any."""

    sql: str
    values: tuple[Any, ...]
    index: Index | None = None


@dataclasses.dataclass(frozen=True)
class Filters:
    """All the conditions of a search; every movie meets those of an empty one."""

    conditions: tuple[Condition, ...]

    @property
    def sql(self) -> str:
        return " AND ".join(condition.sql for condition in self.conditions) or "true"

    def sql_through(self, through: Collection[Condition]) -> str:
        """Returns the same, but so that no other indexes can serve than those of `through`."""
        return " AND ".join(
            each.sql if each in through else f"({each.sql}) IS TRUE" for each in self.conditions
        )

    @property
    def values(self) -> tuple[Any, ...]:
        return tuple(value for condition in self.conditions for value in condition.values)

    @property
    def indexed(self) -> "Filters":
        """Those that can be looked up."""
        return Filters(tuple(each for each in self.conditions if each.index))

    @property
    def years(self) -> "Filters":
        """That of the years, if any, which the list by year is an index of."""
        return Filters(tuple(each for each in self.conditions if each.index is Index.YEARS))

    @property
    def texts(self) -> "Filters":
        """All the others."""
        return Filters(tuple(each for each in self.conditions if each.index is not Index.YEARS))


class Reach(enum.Enum):
    """How a term can be found."""

    NOTHING = enum.auto()  # it is made of accents alone, which do not count
    READING = enum.auto()  # only by looking at each text
    INDEX = enum.auto()


def read_filters(connection: sa.Connection, query: dict[str, Any]) -> Filters | None:
    """Reads the filters of a loaded query; None where nothing can meet them."""
    conditions = [
        *_years_condition(query),
        *(_text_condition(connection, "title_folded", term) for term in query["title"]),
        *(_text_condition(connection, "cast_folded", term) for term in query["actor"]),
        *(_genre_condition(connection, term) for term in query["genre"]),
    ]
    possible = tuple(condition for condition in conditions if condition is not None)
    return Filters(possible) if len(possible) == len(conditions) else None


# The same, where the database's own locale tells what a letter is.
_REACH: Final = """
SELECT
    term = '' AS nothing,
    term ~ '[[:alnum:]]{3}|[[:alnum:]]{2}[^[:alnum:]]|[^[:alnum:]][[:alnum:]]' AS index
FROM mru_search_text(%s) AS term
"""


def reach_of(connection: sa.Connection, term: str) -> Reach:
    """Tells how a term can be found. The database is asked only where folding is not plain."""
    if _TRIGRAM.search(term):
        return Reach.INDEX
    if term.isascii():
        return Reach.READING
    (folded,) = select_text(connection, _REACH, (term,))
    if folded["nothing"]:
        return Reach.NOTHING
    return Reach.INDEX if folded["index"] else Reach.READING


def _years_condition(query: dict[str, Any]) -> list[Condition]:
    asked = {sql: query[name] for name, sql in _YEARS.items() if name in query}
    return [Condition(" AND ".join(asked), tuple(asked.values()), Index.YEARS)] if asked else []


def _text_condition(connection: sa.Connection, column: str, term: str) -> Condition | None:
    reach = reach_of(connection, term)
    if reach is Reach.NOTHING:
        return None
    if reach is Reach.READING:
        # Not LIKE, for which the planner may choose to read all of an index.
        return Condition(f"strpos({column}, mru_search_text(%s)) > 0", (term,))
    return Condition(f"{column} LIKE mru_like(%s)", (term,), Index.TRIGRAMS)


# A substring is looked up in the dictionary, not in the movies.
_GENRES: Final = """
SELECT name FROM genres WHERE strpos(name_folded, mru_search_text(%s)) > 0 LIMIT %s
"""


def _genre_condition(connection: sa.Connection, term: str) -> Condition | None:
    if reach_of(connection, term) is Reach.NOTHING:
        return None
    names = [row["name"] for row in select_text(connection, _GENRES, (term, _GENRES_MAX + 1))]
    if not names:
        return None
    if len(names) > _GENRES_MAX:
        return Condition("strpos(mru_search_names(genres), mru_search_text(%s)) > 0", (term,))
    return Condition("genres && %s::text[]", (names,), Index.GENRES)
