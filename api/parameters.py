"""How a query is read: by its schema and strictly, so that no part of it is silently ignored.

The usual parsers are generous: they let unknown names pass, take the first of two values and mend
bytes that are no UTF-8. Here each of these is a fault that names its parameter.
"""

import difflib
from typing import Any, Final
from urllib.parse import unquote_plus

from marshmallow import Schema, ValidationError, fields

from api.errors import Faults, InvalidError
from schemas.fields import flatten_messages

# Names come from strangers and go back to them.
_NAME_SHOWN: Final = 100


def read_query(schema: Schema, query: bytes) -> dict[str, Any]:
    """Returns what a query string says, as the schema loads it.

    A field that is a list may be given any number of times, any other once. Raises InvalidError
    with every fault: unknown names (the nearest known one is suggested), repeats, values that the
    schema refuses, and values that are no UTF-8.
    """
    pairs = read_pairs(query)
    faults = [*_unknown(schema, pairs), *_repeated(schema, pairs)]
    faulty = {name for name, _ in faults}
    try:
        loaded: dict[str, Any] = schema.load(_gather(schema, pairs, faulty))
    except ValidationError as error:
        raise InvalidError([*faults, *flatten_messages(error)]) from error
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


def _unknown(schema: Schema, pairs: list[tuple[str, str]]) -> Faults:
    names = dict.fromkeys(name for name, _ in pairs if name not in schema.fields)
    return [(_shown(name), _suggestion(name, schema)) for name in names]


def _suggestion(name: str, schema: Schema) -> str:
    near = difflib.get_close_matches(_shown(name).lower(), schema.fields, n=1, cutoff=0.5)
    known = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(schema.fields)}."
    return f"Unknown parameter. {known}"


def _repeated(schema: Schema, pairs: list[tuple[str, str]]) -> Faults:
    seen: set[str] = set()
    repeats: dict[str, str] = {}
    for name, _ in pairs:
        if name in seen and not _is_list(schema, name):
            repeats[name] = "Must be given once."
        seen.add(name)
    return [(name, fault) for name, fault in repeats.items() if name in schema.fields]


def _gather(
    schema: Schema, pairs: list[tuple[str, str]], faulty: set[str]
) -> dict[str, str | list[str]]:
    gathered: dict[str, Any] = {}
    for name, value in pairs:
        if name in faulty or name not in schema.fields:
            continue
        if _is_list(schema, name):
            gathered.setdefault(name, []).append(value)
        else:
            gathered[name] = value
    return gathered


def _is_list(schema: Schema, name: str) -> bool:
    return isinstance(schema.fields.get(name), fields.List)
