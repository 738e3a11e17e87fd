"""Text and whole numbers: whatever is accepted can be stored, and nothing else is accepted."""

import json
import re
import unicodedata
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from schemas import fields as ours
from schemas.fields import (
    MARKS_IN_A_ROW,
    Text,
    Texts,
    WholeNumber,
    WholeNumberText,
    flatten_messages,
    has_too_many_marks,
)

# A machine that is busy with something else is no failure.
PATIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

MAX_LENGTH: Final = 10
TITLE: Final = Text(max_length=MAX_LENGTH)
YEAR: Final = WholeNumber(minimum=1870, maximum=2100)
YEAR_TEXT: Final = WholeNumberText(minimum=1870, maximum=2100)

# Any code point at all, with more of those that make trouble than chance would give.
TROUBLE: Final = "\0\ud83d\ude00\u0301\u212b\u00a0\u2028\x1c\ufeff \t\n"
WHITE: Final = [char for char in map(chr, range(0x10000)) if char.isspace()]
CHARACTERS: Final = st.one_of(st.characters(exclude_categories=()), st.sampled_from(TROUBLE))
ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def fault_of(field: fields.Field[Any], value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        field.deserialize(value)
    (message,) = caught.value.messages
    return str(message)


@PATIENT
@given(st.text(CHARACTERS, max_size=2 * MAX_LENGTH))
def test_accepted_text_can_be_stored_and_compared(value: str) -> None:
    try:
        text = TITLE.deserialize(value)
    except ValidationError:
        return
    assert unicodedata.is_normalized("NFC", text)
    assert text == text.strip()
    assert text.encode("utf-8")
    assert "\0" not in text
    assert 1 <= len(text) <= MAX_LENGTH
    assert TITLE.deserialize(text) == text


@PATIENT
@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(WHITE)), max_size=5))
@example("\ufeff")
@example("\x1c")
@example("\n\n")
@example("a\0")
def test_the_pattern_in_the_document_takes_what_the_field_takes(value: str) -> None:
    try:
        Text(max_length=100).deserialize(value)
    except ValidationError:
        taken = False
    else:
        taken = True
    assert bool(re.search(TITLE.metadata["pattern"], value)) == taken


@PATIENT
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=2 * MAX_LENGTH))
@example("a" * MAX_LENGTH)
@example("e\u0301" * MAX_LENGTH)
@example(" " * 50 + "a")
@example("\ufb2c" * MAX_LENGTH)
def test_text_that_can_be_stored_is_refused_only_for_its_length(value: str) -> None:
    text = unicodedata.normalize("NFC", value).strip()
    if 1 <= len(text) <= MAX_LENGTH:
        assert TITLE.deserialize(value) == text
    else:
        expected = (
            f"Must be at most {MAX_LENGTH} characters long." if text else "Must not be empty."
        )
        assert fault_of(TITLE, value) == expected


@pytest.mark.parametrize("value", ["\0", "a\0", "\ud83d", "a\ude00b", "\ude00\ud83d"])
def test_nul_and_half_a_surrogate_pair_are_refused(value: str) -> None:
    assert fault_of(TITLE, value) == "Must not contain NUL or half of a surrogate pair."


def test_a_whole_surrogate_pair_in_json_is_one_character() -> None:
    assert TITLE.deserialize(json.loads(r'"\ud83d\ude00"')) == "\N{GRINNING FACE}"


@pytest.mark.parametrize("value", [5, 2.5, True, b"text", ["text"], {"text": "text"}])
def test_what_is_no_string_is_no_text(value: Any) -> None:
    assert fault_of(TITLE, value) == "Must be a string."


@PATIENT
@given(st.integers() | st.integers(1860, 2110))
@example(1870)
@example(2100)
@example(10**5000)
def test_an_integer_is_accepted_exactly_within_its_bounds(number: int) -> None:
    if 1870 <= number <= 2100:
        assert YEAR.deserialize(number) == number
    else:
        assert fault_of(YEAR, number) == "Must be between 1870 and 2100."


@PATIENT
@given(ANYTHING.filter(lambda value: type(value) is not int and value is not None))
@example("2004")
@example(2004.0)
@example(2004.5)
@example(True)
@example(float("nan"))
def test_what_is_no_integer_is_no_whole_number(value: Any) -> None:
    assert fault_of(YEAR, value) == "Must be a whole number."


@pytest.mark.parametrize(("value", "number"), [("1999", 1999), ("2100", 2100), ("0001999", 1999)])
def test_digits_in_a_url_are_a_whole_number(value: str, number: int) -> None:
    assert YEAR_TEXT.deserialize(value) == number


@pytest.mark.parametrize(
    "value",
    [
        *("", " 1999", "1999\n", "+1999", "-1999", "1_999", "1e3", "1999.0", "0x7cf"),
        *("１９９９", 1999, ["1999"]),  # noqa: RUF001  digits, not ASCII
    ],
)
def test_anything_but_ascii_digits_in_a_url_is_no_whole_number(value: Any) -> None:
    assert fault_of(YEAR_TEXT, value) == "Must be a whole number."


@pytest.mark.parametrize("value", ["0", "2101", "9" * 11, "9" * 18, "9" * 19, "9" * 10_000])
def test_a_number_of_however_many_digits_is_out_of_bounds(value: str) -> None:
    assert fault_of(YEAR_TEXT, value) == "Must be between 1870 and 2100."


@PATIENT
@given(st.text())
def test_any_text_in_a_url_is_a_number_within_bounds_or_refused(value: str) -> None:
    try:
        assert 1870 <= YEAR_TEXT.deserialize(value) <= 2100
    except ValidationError:
        assert value not in {str(year) for year in range(1870, 2101)}


def test_bounds_and_lengths_stand_in_the_document_of_the_api() -> None:
    described = Text(max_length=5, metadata={"example": "a"})
    pattern = described.metadata.pop("pattern")
    assert re.search(pattern, " a")
    assert described.metadata == {"minLength": 1, "maxLength": 5, "example": "a"}
    assert YEAR.metadata == {"minimum": 1870, "maximum": 2100}


class Shelf(Schema):
    name = Text(required=True, max_length=5)
    films = fields.List(fields.Nested({"cast": fields.List(Text(max_length=5))}))


def test_faults_are_named_by_their_path_in_the_order_of_the_schema() -> None:
    with pytest.raises(ValidationError) as caught:
        Shelf().load({"films": [{"cast": ["Bob", None]}, {"cast": 5}], "colour": "red"})
    assert flatten_messages(caught.value) == [
        ("name", "Missing data for required field."),
        ("films[0].cast[1]", "Field may not be null."),
        ("films[1].cast", "Not a valid list."),
        ("colour", "Unknown field."),
    ]


def test_the_fault_of_a_whole_value_has_no_path() -> None:
    with pytest.raises(ValidationError) as caught:
        Shelf().load("no object")  # type: ignore[arg-type]  # the fault on trial
    assert flatten_messages(caught.value) == [("", "Invalid input type.")]


class Meter:
    """Stands in for unicodedata, and keeps what was normalized or checked for being so."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(unicodedata, name)

    def normalize(self, form: Any, text: str) -> str:
        self.texts.append(text)
        return unicodedata.normalize(form, text)

    def is_normalized(self, form: Any, text: str) -> bool:
        self.texts.append(text)
        return unicodedata.is_normalized(form, text)


MARKS: Final = st.sampled_from("\u0301\u0327\u0345\u05b0\u0f71\u0f73\u3099\U0001d165\ufe20")
RUNS: Final = st.builds(
    lambda mark, other, times: (mark + other) * times, MARKS, MARKS, st.integers(0, 3_000)
)
MARKED: Final = st.lists(RUNS | st.text(max_size=5), max_size=6).map("".join)


def longest_run_of_marks(text: str) -> int:
    kinds = "".join("M" if unicodedata.category(char)[0] == "M" else " " for char in text)
    return max(map(len, kinds.split()), default=0)


@PATIENT
@given(MARKED, st.sampled_from([MAX_LENGTH, 200, 500]))
@example("a" + "\u0301\u0327" * 250_000, 500)
@example("a" + "\u0301\u0327" * 120, 500)
@example(("a" + "\u0301\u0327" * 15) * 10, 500)
def test_only_short_text_with_few_marks_in_a_row_is_ever_normalized(
    value: str, max_length: int
) -> None:
    field = Text(max_length=max_length)
    with pytest.MonkeyPatch.context() as patch:
        meter = Meter()
        patch.setattr(ours, "unicodedata", meter)
        stands = field.stands(value)
        try:
            loaded = field.deserialize(value)
        except ValidationError:
            loaded = None
    # Once to see whether it stands, once to load it: the work is bounded whatever came.
    assert sum(map(len, meter.texts)) <= 2 * 4 * max_length
    assert max(map(longest_run_of_marks, meter.texts), default=0) <= MARKS_IN_A_ROW
    assert not stands or loaded == value


@pytest.mark.parametrize(("marks", "taken"), [(MARKS_IN_A_ROW, True), (MARKS_IN_A_ROW + 1, False)])
def test_as_many_marks_in_a_row_as_unicode_calls_safe_are_taken(marks: int, taken: bool) -> None:  # noqa: FBT001
    text = "e" + "\u0327" * marks
    field = Text(max_length=100)
    assert field.stands(unicodedata.normalize("NFC", text)) or not taken
    if taken:
        assert field.deserialize(text)
    else:
        assert fault_of(field, text) == "Must not have more than 30 combining marks in a row."


def test_everything_that_unicode_orders_by_class_counts_as_a_mark() -> None:
    for char in map(chr, range(0x110000)):
        if unicodedata.combining(unicodedata.normalize("NFD", char)[0]):
            assert has_too_many_marks(char * (MARKS_IN_A_ROW + 1)), f"U+{ord(char):04X}"


def test_a_list_that_is_too_long_is_rejected_before_its_items_are_looked_at() -> None:
    field = Texts(max_length=MAX_LENGTH, max_items=2)
    assert field.deserialize(["a", "b"]) == ["a", "b"]
    assert fault_of(field, [None, 1, ""]) == "Must have at most 2 items, not 3."
    assert field.stands(["a", "b"])
    assert not field.stands(["a", "b", "c"])
