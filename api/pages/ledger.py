"""GET /ui/imports and /ui/imports/{id}: what became of each file, for people.

As long as something listed is under way, a page looks again by itself; the newest imports look
again even if not, for files that come, and are told when nothing has changed.
"""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from flask import Response, request

from api import queries
from api.audience import redact_action, redact_import, redact_invalid_record
from api.errors import ApiError, NotFoundError
from api.listing import BadRecordsSearchSchema, LedgerSearchSchema
from api.pages import activity, rendering
from api.pages.entries import ACTIONS, OUTCOMES, Entry, seconds_to_wait
from api.pages.question import Question
from api.services import services
from schemas.imports import ImportStatus

_imports: Final = LedgerSearchSchema()
_bad_records: Final = BadRecordsSearchSchema()
_FIELDS: Final = ("status", "prefix")
_PREVIEW: Final = 10  # bad records, where a list shows them
_IDLE_SECONDS: Final = 5


def show_page() -> Response:
    """Shows the list with all around it."""
    return _show("imports.html", _answer_whole)


def show_list() -> Response:
    """Shows the list alone, and has the browser show the address of this question."""
    answer = _show("ledger_alone.html", _answer_list, tagged=True)
    if answer.status_code == 200:
        query = Question.read(request.query_string).query
        answer.headers["HX-Replace-Url"] = f"imports?{query}" if query else "imports"
        answer.headers["HX-Trigger"] = "imports-listed"  # when it comes no more, plots are renewed
    else:
        answer.headers["HX-Reswap"] = "none"  # what was listed is better than nothing
    return answer


def show_activity() -> Response:
    """Shows the plots of the last day alone."""
    try:
        return rendering.show("activity.html", _ask(_answer_activity))
    except ApiError as error:
        return rendering.show_failure(error, "../../")


def show_one(import_id: str) -> Response:
    """Shows one import with its bad records."""
    try:
        asked = Question.read(request.query_string)
        query = asked.load(_bad_records)
        return rendering.show(
            "import.html", _ask(lambda c: _answer_one_with_actions(c, import_id, query))
        )
    except ApiError as error:
        return rendering.show_failure(error, "../../")


def show_bad_records(import_id: str) -> Response:
    """Shows the first of an import's bad records alone."""
    query = {"after": 0, "limit": _PREVIEW}
    try:
        return rendering.show("bad_alone.html", _ask(lambda c: _answer_one(c, import_id, query)))
    except ApiError as error:
        return rendering.show_failure(error, "../../../")


def _show(template: str, answer: Any, *, tagged: bool = False) -> Response:
    asked = Question()
    try:
        asked = Question.read(request.query_string)
        query = asked.load(_imports)
        values = _ask(lambda connection: answer(connection, asked, query))
        made = rendering.show(template, {**_given(asked), **values})
    except ApiError as error:
        return rendering.show(template, _given(asked), rendering.Failure.of(error))
    # The tag is of the list alone: around it are plots, which change with the time of day.
    if tagged and values["tag"]:
        made.set_etag(values["tag"])
        made.make_conditional(request)
    return made


def _ask(question: Any) -> dict[str, Any]:
    values: dict[str, Any] = services().database.ask(question)
    return values


def _given(asked: Question) -> dict[str, Any]:
    """Returns what the page shows of the question itself, whether it can be answered or not."""
    return {
        "root": "../",
        "asked": asked,
        "unseen": [pair for pair in asked.rest(_FIELDS) if pair[0] in _imports.fields],
        "home": "../ui/imports",
        "operators": bool(services().settings.operator_tokens),
        "statuses": [status.value for status in ImportStatus],
        "outcomes": list(OUTCOMES.values()),
        "listed": None,
        "following": None,
        "wait_seconds": None,
        "tag": None,
        "plot": None,
    }


def _answer_whole(
    connection: sa.Connection, asked: Question, query: dict[str, Any]
) -> dict[str, Any]:
    return {**_answer_list(connection, asked, query), **_answer_activity(connection)}


def _answer_activity(connection: sa.Connection) -> dict[str, Any]:
    since = activity.first_hour(datetime.now(UTC))
    counted = queries.count_activity(connection, since)
    return {"plot": None if counted is None else activity.draw(counted, since)}


def _answer_list(
    connection: sa.Connection, asked: Question, query: dict[str, Any]
) -> dict[str, Any]:
    page = queries.list_imports(connection, query)
    rows = [redact_import(row) for row in page.rows]
    listed = [Entry.of(row, datetime.now(UTC)) for row in rows]
    under_way = seconds_to_wait(listed) is not None
    return {
        "listed": listed,
        "following": asked.at("cursor", page.following) if page.following else None,
        "wait_seconds": seconds_to_wait(listed, idle=None if "cursor" in query else _IDLE_SECONDS),
        # What is under way takes longer and longer, whether its row changes or not.
        "tag": None if under_way else _tag(rows),
    }


def _tag(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(repr((services().release, rows)).encode()).hexdigest()


def _answer_one(connection: sa.Connection, import_id: str, query: dict[str, Any]) -> dict[str, Any]:
    found = queries.find_import(connection, _read_id(import_id))
    if found is None:
        raise NotFoundError(
            "No worker has seen an import with this id yet. If its file was put into the bucket a "
            "moment ago, look again. There never is one of an object that a rule ignores."
        )
    entry = Entry.of(redact_import(found), datetime.now(UTC))
    bad = queries.list_bad_records(connection, found["id"], **query)
    return {
        "root": "../../",
        "entry": entry,
        "bad": [redact_invalid_record(row) for row in bad.rows],
        "after": query["after"],
        "following": bad.following,
        "wait_seconds": seconds_to_wait([entry]),
    }


def _answer_one_with_actions(
    connection: sa.Connection, import_id: str, query: dict[str, Any]
) -> dict[str, Any]:
    values = _answer_one(connection, import_id, query)
    actions = queries.list_actions(connection, values["entry"].row["id"])
    return {**values, "actions": list(map(redact_action, actions)), "action_names": ACTIONS}


def _read_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFoundError("This is no id of an import.") from None
