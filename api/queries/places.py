"""Where on the list of a search its page lies: the order, the place to begin at, and how many rows.

A page is found by where the last one ended (keyset), so that the thousandth costs what the first
one does. No movie ever moves: its title, its year and its id are what it is.
"""

import dataclasses
from typing import Any

import orjson

from schemas.search import MOVIE_FIELDS, PAGE_MAX_BYTES, Cursor, Direction, fingerprint
from schemas.tables import TITLE_KEY


@dataclasses.dataclass(frozen=True)
class Place:
    """A page's place, in terms of SQL. One row more is fetched: it tells of a further page."""

    key_column: str
    key: str  # what the list is sorted by, before the id
    falling: bool
    cursor: Cursor | None
    fields: tuple[str, ...]
    limit: int
    offset: int

    @classmethod
    def of(cls, query: dict[str, Any]) -> "Place":
        """Reads it from a query that MovieSearchSchema loaded."""
        sort, cursor = query["sort"], query.get("cursor")
        return cls(
            key_column="year" if sort.by_year else "title",
            key="year" if sort.by_year else TITLE_KEY,
            falling=sort.descending != _backwards(cursor),
            cursor=cursor,
            fields=query.get("fields", MOVIE_FIELDS),
            limit=query["limit"] + 1,
            offset=(query.get("page", 1) - 1) * query["limit"],
        )

    @property
    def columns(self) -> str:
        """The fields of a movie to be shown, and its id, by which it is found again."""
        names = dict.fromkeys(("id", *self.fields))
        return ", ".join(f'movies."{name}"' for name in names)

    @property
    def direction(self) -> str:
        return "DESC" if self.falling else "ASC"

    @property
    def order(self) -> str:
        """What follows ORDER BY."""
        order = f"{self.key} {self.direction}, id {self.direction}"
        return f"{order} LIMIT {self.limit} OFFSET {self.offset}"

    @property
    def beyond(self) -> str:
        """The condition to lie beyond the cursor; its values are `beyond_values`."""
        if self.cursor is None:
            return "true"
        kind = "smallint" if self.key == "year" else "text"
        return f"({self.key}, id) {'<' if self.falling else '>'} (%s::{kind}, %s::uuid)"

    @property
    def beyond_values(self) -> tuple[str, ...]:
        return () if self.cursor is None else (self.cursor.key, str(self.cursor.id))


@dataclasses.dataclass(frozen=True)
class Stretch:
    """The movies of a page, and the cursors of the pages around it, if any.

    It is `shortened` where it has less of them than the limit because of their size.
    """

    rows: list[dict[str, Any]]
    following: str | None
    preceding: str | None
    shortened: bool


def cut(query: dict[str, Any], place: Place, found: list[dict[str, Any]]) -> Stretch:
    """Makes a page of rows, which have a `key` beside the columns of a place."""
    allowed = found[: query["limit"]]
    rows = allowed[: _fitting(place, allowed)]
    more = len(found) > len(rows)
    cursor = place.cursor
    after, before = more, cursor is not None or place.offset > 0
    if _backwards(cursor):
        rows.reverse()
        after, before = True, more
    return Stretch(
        [_shown(place, row) for row in rows],
        _cursor(query, rows[-1], Direction.NEXT) if rows and after else None,
        _cursor(query, rows[0], Direction.PREVIOUS) if rows and before else None,
        shortened=len(rows) < len(allowed),
    )


def _fitting(place: Place, rows: list[dict[str, Any]]) -> int:
    """Returns how many of some rows a page can have by its size; at least one, if there is one."""
    if len(orjson.dumps([_shown(place, row) for row in rows])) <= PAGE_MAX_BYTES:
        return len(rows)  # as almost always
    room = PAGE_MAX_BYTES
    for number, row in enumerate(rows):
        room -= len(orjson.dumps(_shown(place, row))) + 1  # a comma
        if room < 0:
            return max(number, 1)
    return len(rows)


def _shown(place: Place, row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in place.fields}


def _cursor(query: dict[str, Any], row: dict[str, Any], direction: Direction) -> str:
    key = str(row["key"])
    return Cursor(query["sort"], direction, key, row["id"], fingerprint(query)).encode()


def _backwards(cursor: Cursor | None) -> bool:
    return cursor is not None and cursor.direction is Direction.PREVIOUS
