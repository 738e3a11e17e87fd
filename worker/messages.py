"""Which messages are let in: ours, and nothing that makes Celery or kombu do more than run a task.

Whoever may write to the queue could otherwise have Celery's own tasks run, change time limits, put
a message off for years, have it deleted unseen, or have kombu unpack a bomb. What would change that
is a reason to reject the message; what only decorates it is dropped. docs/architecture.md has the
list.
"""

from collections.abc import Collection
from typing import Any, Final

_CONTENT_TYPE: Final = "application/json"
# Any other name is one of Python's codecs, and some of those unpack.
_CONTENT_ENCODING: Final = "utf-8"
_BODY_ENCODING: Final = "base64"
_BODY: Final = (list, dict, dict)
_ID_MAX_CHARACTERS: Final = 100
_TEXT_MAX_CHARACTERS: Final = 1_000

# Each makes Celery or kombu do something else than to run the task once, now, within our limits.
_REJECTED: Final = (
    "compression",
    "eta",
    "expires",
    "timelimit",
    "retries",
    "group",
    "group_index",
    "chord",
    "chain",
    "callbacks",
    "errbacks",
)
# What logs and traces need. All else (`shadow`, `stamps`, `argsrepr`, ...) is dropped.
_KEPT_TEXTS: Final = ("lang", "root_id", "request_id", "traceparent", "tracestate")
_KEPT_PROPERTIES: Final = ("body_encoding", "delivery_info", "delivery_tag")


class ForeignMessageError(Exception):
    """A message that is not ours: left to the queue's redrive policy."""


def admit(payload: Any, tasks: Collection[str]) -> None:
    """Reduces a message, as kombu has read it, to what one of `tasks` needs. Its body stays packed.

    Raises ForeignMessageError, which says what is wrong with it.
    """
    headers, properties = payload.get("headers"), payload.get("properties")
    if not isinstance(headers, dict) or not isinstance(properties, dict):
        raise ForeignMessageError("It is no task.")
    _check_content(payload, properties)
    payload["headers"] = _admitted_headers(headers, tasks)
    payload["properties"] = {
        name: properties[name] for name in _KEPT_PROPERTIES if name in properties
    }


def check_body(body: Any) -> None:
    """Looks at a task's body: arguments, named arguments, and what Celery is to run besides.

    Raises ForeignMessageError where it has not these three, or the last is anything at all.
    """
    # An object is how messages of Celery's first protocol look, with a place for each header.
    if not isinstance(body, list) or len(body) != len(_BODY):
        raise ForeignMessageError("Its body is no task.")
    if not all(map(isinstance, body, _BODY)):
        raise ForeignMessageError("Its arguments are none.")
    if any(body[-1].values()):
        raise ForeignMessageError("It has more tasks than one.")


def _check_content(payload: dict[str, Any], properties: dict[str, Any]) -> None:
    for name, found, wanted in (
        ("content-type", payload.get("content-type"), _CONTENT_TYPE),
        ("content-encoding", payload.get("content-encoding"), _CONTENT_ENCODING),
        ("body_encoding", properties.get("body_encoding"), _BODY_ENCODING),
    ):
        if found != wanted:
            raise ForeignMessageError(f"Its {name} is not {wanted}.")
    if not isinstance(payload.get("body"), str):
        raise ForeignMessageError("Its body is no text.")


def _admitted_headers(headers: dict[str, Any], tasks: Collection[str]) -> dict[str, Any]:
    task, task_id = headers.get("task"), headers.get("id")
    if not isinstance(task, str) or task not in tasks:
        raise ForeignMessageError("It is no task of ours.")
    if not isinstance(task_id, str) or not 0 < len(task_id) <= _ID_MAX_CHARACTERS:
        raise ForeignMessageError("It has no id.")
    for name in _REJECTED:
        if not _is_unset(headers.get(name)):
            raise ForeignMessageError(f"Its header {name} is set.")
    texts = {name: headers[name] for name in _KEPT_TEXTS if _is_short_text(headers.get(name))}
    return {**texts, "task": task, "id": task_id}


def _is_unset(value: Any) -> bool:
    # Celery writes what is not there as null, 0 and [null, null].
    return value is None or value in (0, [None, None])


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _TEXT_MAX_CHARACTERS
