"""What the project's schemas share: text that Postgres can hold, whole numbers, and how faults are
told.

marshmallow's own String and Integer are more generous than the contract: they take NUL, lone
surrogates, "2004" and 2004.0.
"""

import difflib
import re
import unicodedata
from collections.abc import Collection
from typing import Any, Final

from marshmallow import ValidationError, fields

# Neither Postgres' text (NUL) nor UTF-8 (a surrogate without its partner) can hold these.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# What `str.strip` strips, and a text with something else in it, as JSON Schema writes patterns.
_WHITE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SOMETHING_IN_IT = rf"^[^\x00]*[^\x00{_WHITE}][^\x00]*$"

# As many as Unicode's own stream-safe format has (UAX #15, section 13); no language comes near.
MARKS_IN_A_ROW: Final = 30
# What NFC makes one character of: no more than so many.
_COMPOSED_OF_AT_MOST: Final = 4
# Marks begin here, so that text without 31 such characters in a row has no such run of marks.
_MAY_BE_MARKS = re.compile(f"[\u0300-\U0010ffff]{{{MARKS_IN_A_ROW + 1}}}")

_DIGITS_READ = 18
_BEYOND_ALL = 10**18


def is_storable(text: str) -> bool:
    """Whether Postgres can hold a text, and UTF-8 can carry it."""
    return not _UNSTORABLE.search(text)


def has_too_many_marks(text: str) -> bool:
    """Whether more than MARKS_IN_A_ROW combining marks follow one another."""
    if len(text) <= MARKS_IN_A_ROW or not _MAY_BE_MARKS.search(text):
        return False
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks > MARKS_IN_A_ROW:
            return True
    return False


class Text(fields.String):
    """A string in NFC, without white space around it, never empty, at most `max_length` characters.

    Raises marshmallow's ValidationError for anything but a string, for NUL, for lone surrogates,
    for a string with nothing in it, for one that is too long, and for long runs of combining marks.

    Normalizing takes time by the square of a run of marks, and holds the interpreter's lock
    meanwhile: only text within these bounds is normalized.
    """

    # One Text subclasses String for its place in the API's document; the messages are ours.
    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "invalid": "Must be a string.",
        "unstorable": "Must not contain NUL or half of a surrogate pair.",
        "empty": "Must not be empty.",
        "too_long": "Must be at most {max_length} characters long.",
        "too_many_marks": "Must not have more than {marks} combining marks in a row.",
    }

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        limits = {"minLength": 1, "maxLength": max_length, "pattern": _SOMETHING_IN_IT}
        super().__init__(metadata={**limits, **kwargs.pop("metadata", {})}, **kwargs)
        self.max_length = max_length

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        value = value.strip()
        if len(value) > _COMPOSED_OF_AT_MOST * self.max_length:
            raise self.make_error("too_long", max_length=self.max_length)
        if not is_storable(value):
            raise self.make_error("unstorable")
        if has_too_many_marks(value):
            raise self.make_error("too_many_marks", marks=MARKS_IN_A_ROW)
        text = unicodedata.normalize("NFC", value).strip()
        if not text:
            raise self.make_error("empty")
        if len(text) > self.max_length:
            raise self.make_error("too_long", max_length=self.max_length)
        return text

    def stands(self, value: Any) -> bool:
        """Whether a value is valid and loads as itself. False says nothing: it has to be loaded."""
        return (
            type(value) is str
            and 0 < len(value) <= self.max_length
            and value.strip() == value
            and not _UNSTORABLE.search(value)
            and (value.isascii() or self._is_normal(value))
        )

    @staticmethod
    def _is_normal(value: str) -> bool:
        return not has_too_many_marks(value) and unicodedata.is_normalized("NFC", value)


class WholeNumber(fields.Integer):
    """An integer between two bounds, both allowed: not "2004", not 2004.5, not 2004.0, not true.

    Raises marshmallow's ValidationError for anything else.
    """

    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "invalid": "Must be a whole number.",
        "range": "Must be between {minimum} and {maximum}.",
    }

    def __init__(self, *, minimum: int, maximum: int, **kwargs: Any) -> None:
        metadata = {"minimum": minimum, "maximum": maximum, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)
        self.minimum, self.maximum = minimum, maximum

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int:  # bool is a subclass of int
            raise self.make_error("invalid")
        return self._within_bounds(value)

    def stands(self, value: Any) -> bool:
        """Whether a value is valid and loads as itself. False says nothing: it has to be loaded."""
        return type(value) is int and self.minimum <= value <= self.maximum

    def _within_bounds(self, number: int) -> int:
        if not self.minimum <= number <= self.maximum:
            raise self.make_error("range", minimum=self.minimum, maximum=self.maximum)
        return number


class WholeNumberText(WholeNumber):
    """A whole number as it stands in a URL: ASCII digits alone, so neither ' 1999' nor '1e3'."""

    _DIGITS = re.compile(r"[0-9]+", re.ASCII)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if not isinstance(value, str) or not self._DIGITS.fullmatch(value):
            raise self.make_error("invalid")
        # A number of many digits is out of bounds, whatever it is; to read it takes its time.
        number = int(value) if len(value) <= _DIGITS_READ else _BEYOND_ALL
        return self._within_bounds(number)


class Texts(fields.List[str]):
    """A list of at most `max_items` texts, empty where it is missing.

    Raises marshmallow's ValidationError. A list that is too long is rejected before its texts are
    looked at.
    """

    default_error_messages = {  # noqa: RUF012  marshmallow collects this mapping by class
        "too_many": "Must have at most {max_items} items, not {items}.",
    }

    def __init__(self, *, max_length: int, max_items: int, **kwargs: Any) -> None:
        metadata = {"maxItems": max_items, **kwargs.pop("metadata", {})}
        text = Text(max_length=max_length)
        super().__init__(text, load_default=list, metadata=metadata, **kwargs)
        self.max_items = max_items
        self._stands = text.stands

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self.max_items:
            raise self.make_error("too_many", max_items=self.max_items, items=len(value))
        return super()._deserialize(value, *args, **kwargs)

    def stands(self, value: Any) -> bool:
        """Whether a value is valid and loads as itself. False says nothing: it has to be loaded."""
        return (
            type(value) is list and len(value) <= self.max_items and all(map(self._stands, value))
        )


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Suggests the known name that is nearest to an unknown one, or tells them all."""
    near = difflib.get_close_matches(name[:100].lower(), known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."


def flatten_messages(error: ValidationError) -> list[tuple[str, str]]:
    """Turns marshmallow's tree of messages into (path, message) pairs, in a stable order.

    A path names the place as a reader of JSON would: `title`, `cast[2]`; it is empty where the
    whole value is at fault.
    """
    return list(_walk(error.messages, ""))


def _walk(node: Any, path: str) -> Any:
    if isinstance(node, dict):
        for name, below in node.items():
            yield from _walk(below, _step(path, name))
    elif isinstance(node, list):
        for below in node:
            yield from _walk(below, path)
    else:
        yield path, str(node)


def _step(path: str, name: object) -> str:
    if name == "_schema":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else str(name)
