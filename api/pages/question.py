"""What the address of a page asks, as it stands there: to be read, shown in the form, and changed
by links.

A form sends each of its fields, the empty ones too. Those ask for nothing and are left out; all
the rest is read by the same strict schema as a question to the API.
"""

import dataclasses
from collections.abc import Collection
from typing import Any, Self
from urllib.parse import quote, urlencode

from marshmallow import Schema

from api.parameters import read_pairs, read_query

_PAGERS = ("cursor", "page", "after")


@dataclasses.dataclass(frozen=True)
class Question:
    """Names and values, in their order. Changing the question leads back to its first page."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, query: bytes) -> Self:
        """Reads a query string. Raises InvalidError where it is no UTF-8."""
        return cls(tuple((name, value) for name, value in read_pairs(query) if value.strip()))

    def load(self, schema: Schema) -> dict[str, Any]:
        """Returns what a schema makes of it. Raises InvalidError."""
        return read_query(schema, self.query.encode())

    @property
    def query(self) -> str:
        """The query string."""
        return urlencode(self.pairs, quote_via=quote)

    def values(self, name: str) -> list[str]:
        """Returns the values of a parameter."""
        return [value for known, value in self.pairs if known == name]

    def first(self, name: str) -> str:
        """Returns the first value of a parameter, or nothing."""
        return next(iter(self.values(name)), "")

    def rest(self, names: Collection[str]) -> list[tuple[str, str]]:
        """Returns what a form that shows the first value of each name has to carry unseen."""
        shown: set[str] = set()
        unseen: list[tuple[str, str]] = []
        for name, value in self.pairs:
            if name in names and name not in shown:
                shown.add(name)
            elif name not in _PAGERS:
                unseen.append((name, value))
        return unseen

    def adding(self, name: str, value: str) -> Self:
        """Returns the question with one thing more to be met."""
        if (name, value) in self.pairs:
            return self.without()
        return self._of([*self.pairs, (name, value)])

    def without(self, *names: str) -> Self:
        """Returns the question without some parameters."""
        return self._of([pair for pair in self.pairs if pair[0] not in names])

    def without_value(self, name: str, value: str) -> Self:
        """Returns the question without one value of a parameter."""
        return self._of([pair for pair in self.pairs if pair != (name, value)])

    def setting(self, **values: str) -> Self:
        """Returns the question with other values of some parameters."""
        return self._of([*self.without(*values).pairs, *values.items()])

    def at(self, pager: str, place: str) -> Self:
        """Returns the question for another page of its answer."""
        return dataclasses.replace(self, pairs=(*self.without().pairs, (pager, place)))

    def _of(self, pairs: list[tuple[str, str]]) -> Self:
        kept = (pair for pair in pairs if pair[0] not in _PAGERS)
        return dataclasses.replace(self, pairs=tuple(kept))
