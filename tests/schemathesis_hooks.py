"""What schemathesis has to be told to ask sensible questions: the rules that the API's document
can only say in words, and the signature of notifications.

Cases that are meant to be wrong stay as they are.
"""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import requests
import requests.auth
import schemathesis
from marshmallow import ValidationError
from schemathesis.core.parameters import ParameterLocation

from api.listing import LedgerCursor
from schemas.notification import KEY_MAX_BYTES
from schemas.search import Cursor, Direction, MovieSearchSchema, Sort, fingerprint
from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.builders import SECRET

# A movie and an import that are not there: a place in a list needs nobody to stand in it.
_ID: Final = uuid.UUID("871bdc5b-0f7a-57d0-b19a-1842927defdc")
_UNSIGNED: Final = "X-Leave-Unsigned"  # from one hook to the other; it is never sent
_MOMENT: Final = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Makes a case that is meant to be right as right as the document's words want it."""
    meant_to_be_right = case.meta.generation.mode.is_positive
    if case.query and meant_to_be_right:
        _put_years_in_order(case.query)
        if "cursor" in case.query:
            _replace_cursor(case.query, _CURSORS[case.operation.path])
    if case.operation.path == "/notifications":
        if meant_to_be_right and isinstance(case.body, dict):
            _bound_notification(case.body)
        if case.meta.is_negative_at(ParameterLocation.HEADER):
            case.headers[_UNSIGNED] = "yes"
    return case


def _bound_notification(body: dict[str, Any]) -> None:
    if body.get("event_time"):
        body["event_time"] = _MOMENT.isoformat()
    body["key"] = body["key"][: KEY_MAX_BYTES // 4]  # no character has more bytes of UTF-8


def _put_years_in_order(query: dict[str, Any]) -> None:
    years = [query.get("year_from"), query.get("year_to")]
    if None not in years:
        query["year_from"], query["year_to"] = sorted(years, key=int)


def _replace_cursor(query: dict[str, Any], make_cursor: Callable[[dict[str, Any]], str]) -> None:
    """Puts a cursor of this very search in the place of a made-up one."""
    query.pop("page", None)  # a page is asked for by the one or by the other
    del query["cursor"]
    query["cursor"] = make_cursor(query)


def _movie_cursor(query: dict[str, Any]) -> str:
    filters = {name: query[name] for name in query if name in MovieSearchSchema().fields}
    sent = {name: v if isinstance(v, list) else str(v) for name, v in filters.items()}
    try:
        loaded = MovieSearchSchema().load(sent)
    except ValidationError as error:
        raise AssertionError(f"{query} is not what the document allows") from error
    sort: Sort = loaded["sort"]
    key = "2004" if sort.by_year else "national treasure"
    direction = Direction.NEXT if len(fingerprint(loaded)) % 2 else Direction.PREVIOUS
    return Cursor(sort, direction, key, _ID, fingerprint(loaded)).encode()


def _ledger_cursor(_: dict[str, Any]) -> str:
    return LedgerCursor(_MOMENT, _ID).encode()


_CURSORS: Final = {"/movies": _movie_cursor, "/imports": _ledger_cursor}


class Signed(requests.auth.AuthBase):
    """Signs a request as the notifier does."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if request.headers.pop(_UNSIGNED, None):
            return request
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        moment = int(time.time())
        request.headers[TIMESTAMP_HEADER] = str(moment)
        request.headers[SIGNATURE_HEADER] = sign(SECRET, moment, content)
        return request


schemathesis.auth.set_from_requests(Signed()).apply_to(path="/notifications")
