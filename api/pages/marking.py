"""Where in a text a term was found, so that a page can show it.

Texts are compared as the search compares them, without case and accents, which only the database
knows how to take away. It is asked character by character, and once for each: what a character
folds to never changes, and it may be several letters or none.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Self

import sqlalchemy as sa

from api import queries

# Of this process. There are only so many characters.
_folded: dict[str, str] = {}


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of a text, which a term was found in or not."""

    text: str
    found: bool


@dataclasses.dataclass(frozen=True)
class Marker:
    """Marks terms in texts."""

    terms: tuple[str, ...]
    folded: Mapping[str, str]

    @classmethod
    def of(cls, connection: sa.Connection, terms: Iterable[str], texts: Iterable[str]) -> Self:
        """Makes a marker for terms that are to be looked for in just these texts."""
        wanted = tuple(terms)
        if not wanted:
            return cls((), {})
        characters = set().union(*wanted, *texts)
        unknown = {each for each in characters if not each.isascii()} - _folded.keys()
        if unknown:
            _folded.update(queries.fold_characters(connection, unknown))
        folds = (_fold(term, _folded) for term in wanted)
        return cls(tuple(fold for fold in folds if fold), _folded)

    def mark(self, text: str) -> list[Part]:
        """Cuts a text where what was found begins and ends."""
        if not self.marks(text):
            return [Part(text, found=False)]
        found = self._found(text)
        parts: list[Part] = []
        start = 0
        for end in range(1, len(text) + 1):
            if end == len(text) or found[end] != found[start]:
                parts.append(Part(text[start:end], found[start]))
                start = end
        return parts

    def marks(self, text: str) -> bool:
        """Whether something was found in a text."""
        if not self.terms:
            return False
        folded = _fold(text, self.folded)
        return any(term in folded for term in self.terms)

    def _found(self, text: str) -> list[bool]:
        """Tells of each character whether it is part of what was found."""
        folded, places = "", []
        for place, character in enumerate(text):
            letters = _fold(character, self.folded)
            folded += letters
            places += [place] * len(letters)
        found = [False] * len(text)
        for term in self.terms:
            at = folded.find(term)
            while at >= 0:
                for place in places[at : at + len(term)]:
                    found[place] = True
                at = folded.find(term, at + 1)
        return found


def _fold(text: str, folded: Mapping[str, str]) -> str:
    return "".join(folded.get(each, each.lower()) for each in text)
