"""How a query is read: by its schema and strictly, so that no part of it is silently ignored.

The usual parsers are generous: they let unknown names pass, take the first of two values and mend
bytes that are no UTF-8. Here each of these is a fault that names its parameter.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from marshmallow import Schema, ValidationError, fields

from api.errors import Faults, InvalidError
from schemas.fields import did_you_mean, flatten_messages

# Names come from strangers and go back to them.
_NAME_SHOWN: Final = 100

_Known = Mapping[str, fields.Field[Any]]


def read_query(schema: Schema, query: bytes) -> dict[str, Any]:
    """Returns what a query string says, as the schema loads it.

    A field that is a list may be given any number of times, any other once. Raises InvalidError
    with every fault: unknown names (the nearest known one is suggested), repeats, values that the
    schema refuses, and values that are no UTF-8.
    """
    pairs = read_pairs(query)
    known = {field.data_key or name: field for name, field in schema.fields.items()}
    faults = [*_unknown(known, pairs), *_repeated(known, pairs)]
    faulty = {name for name, _ in faults}
    try:
        loaded: dict[str, Any] = schema.load(_gather(known, pairs, faulty))
    except ValidationError as error:
        # What was left out above for its fault is not to be called missing here.
        more = [fault for fault in flatten_messages(error) if fault[0] not in faulty]
        raise InvalidError([*faults, *more]) from error
    if faults:
        raise InvalidError(faults)
    return loaded


def read_pairs(query: bytes) -> list[tuple[str, str]]:
    """Splits a query string into names and values, in their order. Raises InvalidError."""
    pairs: list[tuple[str, str]] = []
    faults: list[tuple[str, str]] = []
    for part in filter(None, query.split(b"&")):
        name, _, value = part.partition(b"=")
        try:
            pairs.append((_decode(name), _decode(value)))
        except UnicodeDecodeError:
            faults.append((_shown(name.decode("utf-8", "replace")), "Must be UTF-8."))
    if faults:
        raise InvalidError(faults)
    return pairs


def _decode(text: bytes) -> str:
    return unquote_plus(text.decode("utf-8"), errors="strict")


def _shown(name: str) -> str:
    return name[:_NAME_SHOWN]


def _unknown(known: _Known, pairs: list[tuple[str, str]]) -> Faults:
    names = dict.fromkeys(name for name, _ in pairs if name not in known)
    return [(_shown(name), f"Unknown parameter. {_guess(name, known)}") for name in names]


def _guess(name: str, known: _Known) -> str:
    return did_you_mean(name, known) if known else "There are none here."


def _repeated(known: _Known, pairs: list[tuple[str, str]]) -> Faults:
    counts = Counter(name for name, _ in pairs if name in known)
    return [
        (name, "Must be given once.")
        for name, count in counts.items()
        if count > 1 and not isinstance(known[name], fields.List)
    ]


def _gather(
    known: _Known, pairs: list[tuple[str, str]], faulty: set[str]
) -> dict[str, str | list[str]]:
    gathered: dict[str, Any] = {}
    for name, value in pairs:
        if name in faulty or name not in known:
            continue
        if isinstance(known[name], fields.List):
            gathered.setdefault(name, []).append(value)
        else:
            gathered[name] = value
    return gathered
