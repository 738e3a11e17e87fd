"""How an answer is written: JSON by orjson, and the Link header that leads through pages."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
from flask import Response

JSON_CONTENT_TYPE: Final = "application/json"

Place = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Content:
    """What an answer is to hold: a body, still to be written as JSON, and headers."""

    body: Any
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def write(self) -> Response:
        """Writes the answer."""
        return answer(self.body, headers=self.headers)


def answer(
    body: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = JSON_CONTENT_TYPE,
) -> Response:
    """Writes `body` as JSON; ids and times may be in it as they are."""
    return Response(orjson.dumps(body), status, dict(headers or {}), content_type=content_type)


def link_header(
    path: str,
    query: Iterable[tuple[str, str]],
    *,
    pagers: Collection[str],
    places: Mapping[str, Place | None],
) -> dict[str, str]:
    """Returns the Link header (RFC 8288) of a page: the first of its list, and those around it.

    `pagers` are the query parameters that say where a page begins. `places` are the other pages
    by their relation, such as next: the parameter that leads there and its value, or None where
    there is no such page. The addresses are relative to the host, which only the client knows for
    certain.
    """
    same = [(name, value) for name, value in query if name not in pagers]
    links = [_link(path, same, "first")]
    links += [_link(path, [*same, place], name) for name, place in places.items() if place]
    return {"Link": ", ".join(links)}


def _link(path: str, query: list[tuple[str, str]], relation: str) -> str:
    address = quote(path) + ("?" + urlencode(query, quote_via=quote) if query else "")
    return f'<{address}>; rel="{relation}"'
