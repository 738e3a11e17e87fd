"""How an answer is written: JSON by orjson, and the Link header that leads through pages."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
from flask import Response

JSON_CONTENT_TYPE: Final = "application/json"


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
    path: str, query: Iterable[tuple[str, str]], *, pager: str, following: str | None
) -> dict[str, str]:
    """Returns the Link header (RFC 8288) of a page: its first page, and its next where one is.

    `pager` is the query parameter that says where a page begins, `following` its value for the
    next page. The addresses are relative to the host, which only the client knows for certain.
    """
    same = [(name, value) for name, value in query if name != pager]
    links = [_link(path, same, "first")]
    if following is not None:
        links.append(_link(path, [*same, (pager, following)], "next"))
    return {"Link": ", ".join(links)}


def _link(path: str, query: list[tuple[str, str]], relation: str) -> str:
    address = quote(path) + ("?" + urlencode(query, quote_via=quote) if query else "")
    return f'<{address}>; rel="{relation}"'
