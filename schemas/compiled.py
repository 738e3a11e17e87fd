"""A short way through a schema, for the many records that are right already.

It is made from the schema's own fields, and knows only how to say yes: what it does not recognise
as valid at a glance takes the long way, which alone rejects, mends and explains.
"""

from collections.abc import Callable
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, missing

from schemas.fields import Text, Texts, WholeNumber

_KNOWN: Final = (Text, Texts, WholeNumber)
_HOOKS: Final = ("pre_load", "post_load", "validates", "validates_schema")


def compile_loader(schema: Schema) -> Callable[[Any], dict[str, Any]]:
    """Returns a function that loads what `schema.load` loads, with the same results and errors.

    Raises TypeError for a schema with anything that the short way does not know: other fields,
    validators or hooks, or one that does not ignore unknown fields.
    """
    plan = [_step(name, field) for name, field in schema.load_fields.items()]
    if schema.unknown != EXCLUDE or any(schema._hooks.get(hook) for hook in _HOOKS):  # noqa: SLF001
        raise TypeError(f"{type(schema).__name__} has rules beyond its fields.")

    def load(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            return _long_way(value)
        loaded = {}
        for name, stands, default in plan:
            given = value.get(name, missing)
            if given is missing and default is not missing:
                loaded[name] = default()
            elif stands(given):
                loaded[name] = given
            else:
                return _long_way(value)
        return loaded

    def _long_way(value: Any) -> dict[str, Any]:
        loaded: dict[str, Any] = schema.load(value)
        return loaded

    return load


def _step(name: str, field: Any) -> tuple[str, Callable[[Any], bool], Any]:
    if type(field) not in _KNOWN or field.validators or field.data_key not in (None, name):
        raise TypeError(f"There is no short way for the field {name}.")
    return name, field.stands, field.load_default
