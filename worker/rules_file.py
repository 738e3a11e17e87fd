"""The file of rules that MRU_RULES names: JSON, checked as a whole when a process starts.

    {"rules": [{"suffix": ".json", "action": "import"}, {"action": "ignore"}]}

Faults name the variable, the file, the rule by its number, and the field.
"""

import json
from pathlib import Path
from typing import Any, Final

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from schemas.fields import flatten_messages
from schemas.imports import OnError
from schemas.notification import KEY_MAX_BYTES
from schemas.settings import Environment, SettingError
from worker.rules import Action, Rule, Rules

RULES_MAX_BYTES: Final = 64 * 1024
_SHOWN_FAULTS: Final = 3


class _KeyPart(fields.String):
    """The beginning or end of an S3 key: 1 to 1,024 bytes of UTF-8, without NUL."""

    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "length": f"Must be 1 to {KEY_MAX_BYTES} bytes of UTF-8 without NUL."
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        part: str = super()._deserialize(value, *args, **kwargs)
        try:
            size = len(part.encode())
        except UnicodeEncodeError:
            raise self.make_error("length") from None
        if not 1 <= size <= KEY_MAX_BYTES or "\0" in part:
            raise self.make_error("length")
        return part


class RuleSchema(Schema):
    """One rule. An unknown field is an error: a later version may give it a meaning.

    Examples that pass:
        {"action": "ignore", "suffix": ".crc"}
        {"action": "import", "bucket": "movies-r-us", "prefix": "in/", "on_error": "continue"}
        {"action": "ignore"}
    Examples that do not:
        {"suffix": ".crc"}
        {"action": "ignore", "sufix": ".crc"}
        {"action": "ignore", "on_error": "fail"}
        {"action": "import", "prefix": ""}
    """

    class Meta:
        unknown = RAISE

    bucket = fields.String(validate=validate.Length(1, 255))
    prefix = _KeyPart()
    suffix = _KeyPart()
    action = fields.Enum(Action, by_value=fields.String, required=True)
    on_error = fields.Enum(OnError, by_value=fields.String)

    @validates_schema
    def _imports_what_has_on_error(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("action") is Action.IGNORE and "on_error" in data:
            raise ValidationError("Goes with action import alone.", "on_error")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Rule:
        return Rule(**data)


def read_rules(environment: Environment) -> Rules:
    """Reads the file that MRU_RULES names; without one there are no rules. Raises SettingError."""
    name = environment.optional("MRU_RULES")
    if name is None:
        return Rules()
    try:
        return Rules(_load(_parse(_read(Path(name)))))
    except _FileError as error:
        raise SettingError(f"MRU_RULES names {name}, {error}") from None


class _FileError(Exception):
    """What is wrong with the file: the end of a sentence that began with its name."""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(RULES_MAX_BYTES + 1)
    except OSError as error:
        raise _FileError(f"which cannot be read: {error.strerror}.") from None
    if len(content) > RULES_MAX_BYTES:
        raise _FileError(f"which has more than {RULES_MAX_BYTES} bytes.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _FileError("which is not UTF-8.") from None
    if not text.strip():
        raise _FileError("which is empty.")
    return text


def _parse(text: str) -> list[Any]:
    """Returns the list of rules, not checked yet."""
    try:
        content = json.loads(text, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise _FileError("which is nested too deeply.") from None
    except ValueError as error:  # the decoder's own error, or a number of too many digits
        raise _FileError(f"which is not JSON: {error}.") from None
    listed = content.get("rules") if isinstance(content, dict) else None
    if not isinstance(listed, list) or len(content) != 1:
        raise _FileError('which must be an object with one field, the list "rules".')
    if not listed:
        raise _FileError("which has no rule.")
    return listed


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields_by_name = dict(pairs)
    if len(fields_by_name) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise _FileError(f"in which an object has {repeated!r} twice.")
    return fields_by_name


def _load(listed: list[Any]) -> tuple[Rule, ...]:
    schema = RuleSchema()
    rules: list[Rule] = []
    faults: list[str] = []
    for number, rule in enumerate(listed, 1):
        try:
            rules.append(schema.load(rule))
        except ValidationError as error:
            faults += [
                f"rule {number}: {field or 'the rule'}: {text}"
                for field, text in flatten_messages(error)
            ]
    if faults:
        more = len(faults) - _SHOWN_FAULTS
        rest = f" And {more} more." if more > 0 else ""
        raise _FileError(f"in which {' '.join(faults[:_SHOWN_FAULTS])}{rest}")
    return tuple(rules)
