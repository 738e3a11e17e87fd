"""Every address of the API, from its own list of routes, so that a new one is not forgotten."""

import dataclasses
import uuid
from collections.abc import Iterator

from flask import Flask

from api.pages.static import mark_of_files


@dataclasses.dataclass(frozen=True)
class Address:
    """A path that leads to a route, and the methods that this route takes."""

    rule: str
    path: str
    methods: frozenset[str]


def addresses_of(app: Flask, *, movie: uuid.UUID, import_: uuid.UUID) -> Iterator[Address]:
    """Yields an address for each route. Raises KeyError where one has a part that is new here."""
    values = {
        "movie_id": movie,
        "import_id": import_,
        "mark": mark_of_files(),
        "name": "pages.css",
    }
    for rule in app.url_map.iter_rules():
        parts = {name: values[name] for name in rule.arguments}
        if rule.endpoint.startswith("docs."):
            parts = dict.fromkeys(rule.arguments, "start.js")
        built = rule.build(parts)
        assert built is not None
        path = built[1] + ("?term=x" if rule.rule == "/suggest" else "")
        yield Address(rule.rule, path, frozenset(rule.methods or ()))
