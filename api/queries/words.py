"""What the pages for people need beside the answers themselves: genres to choose from, and how
characters are folded.
"""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from api.queries.rows import select, select_text
from schemas.tables import genres

_FOLDED: Final = "SELECT character, mru_fold(character) AS folded FROM unnest(%s) AS character"


def list_genres(connection: sa.Connection, *, limit: int) -> list[str]:
    """Returns the genres that ever came, by their names."""
    statement = sa.select(genres.c.name).order_by(genres.c.name).limit(limit)
    return [row["name"] for row in select(connection, statement)]


def fold_characters(connection: sa.Connection, characters: Iterable[str]) -> dict[str, str]:
    """Returns what each character becomes where neither case nor accents matter."""
    rows = select_text(connection, _FOLDED, (sorted(characters),))
    return {row["character"]: row["folded"] for row in rows}
