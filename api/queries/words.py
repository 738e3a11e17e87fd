"""What the pages for people need beside the answers themselves: genres to choose from, and how
characters are folded.
"""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from api.queries.planning import BY_BITMAP
from api.queries.rows import select_in_time, select_text

_FOLDED: Final = "SELECT character, mru_fold(character) AS folded FROM unnest(%s) AS character"


_GENRES_MILLISECONDS: Final = 100
# Genres of the newest movies and of the oldest: nearly all that there are.
_SEEN_FIRST: Final = """
SELECT DISTINCT unnest(genres) AS name FROM (
    (SELECT genres FROM movies ORDER BY year DESC, id DESC LIMIT 500)
    UNION ALL (SELECT genres FROM movies ORDER BY year, id LIMIT 500)
) AS seen
ORDER BY name LIMIT %s
"""
# Names of the table `genres` outlive their movies. The index knows quickly that there is none; for
# a common genre it would read all there are, hence not those that were seen.
_OTHERS: Final = """
SELECT name FROM genres
WHERE name <> ALL (%s) AND EXISTS (SELECT FROM movies WHERE movies.genres @> ARRAY[genres.name])
ORDER BY name LIMIT %s
"""


def list_genres(connection: sa.Connection, *, limit: int) -> list[str]:
    """Returns genres that movies have, by their names: those of the newest and oldest movies
    and, as far as there is room and time, others.
    """
    seen = [row["name"] for row in select_text(connection, _SEEN_FIRST, (limit,))]
    if len(seen) == limit:
        return seen
    others = select_in_time(
        connection,
        BY_BITMAP + _OTHERS,
        (seen, limit - len(seen)),
        milliseconds=_GENRES_MILLISECONDS,
    )
    return sorted([*seen, *(row["name"] for row in others or [])])


def fold_characters(connection: sa.Connection, characters: Iterable[str]) -> dict[str, str]:
    """Returns what each character becomes where neither case nor accents matter."""
    rows = select_text(connection, _FOLDED, (sorted(characters),))
    return {row["character"]: row["folded"] for row in rows}
