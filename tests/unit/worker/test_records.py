"""The reader of records, fed in pieces of every size."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.imports import ErrorCode
from worker.errors import PermanentError
from worker.records import depth_of, read_records
from worker.settings import Limits

LIMITS = Limits(max_record_bytes=2_000, max_nesting=20)

# As JSON can carry them: lone surrogates come as escapes.
texts = st.text(max_size=8) | st.sampled_from(['quo"te', "back\\slash", "\U0001f600", "[{", "]}"])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
records = st.lists(values, max_size=6)


def read(body: bytes, size: int = 7, limits: Limits = LIMITS) -> list[Any]:
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return [record.value for record in read_records(pieces, limits)]


def code_of(body: bytes, size: int = 7, limits: Limits = LIMITS) -> ErrorCode:
    with pytest.raises(PermanentError) as caught:
        read(body, size, limits)
    return caught.value.code


@given(records, st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_an_array_reads_the_same_in_pieces_of_any_size(
    array: list[Any], size: int, indent: int | None, ascii_only: Any
) -> None:
    body = json.dumps(array, indent=indent, ensure_ascii=ascii_only).encode()
    assert read(body, size) == array


@given(st.lists(st.dictionaries(texts, values, max_size=3), min_size=1), st.integers(1, 40))
def test_objects_in_a_row_read_the_same_in_pieces_of_any_size(
    rows: list[dict[str, Any]], size: int
) -> None:
    body = "\n".join(json.dumps(row) for row in rows).encode()
    assert read(body, size) == rows


@given(records, st.integers(1, 40))
def test_the_text_of_a_record_is_what_stood_in_the_file(array: list[Any], size: int) -> None:
    body = json.dumps(array).encode()
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    for record in read_records(pieces, LIMITS):
        assert json.loads(record.raw) == record.value


@given(st.lists(values, min_size=1, max_size=4), st.data())
@settings(max_examples=300)
def test_an_array_cut_off_anywhere_is_never_taken_for_a_whole_one(
    array: list[Any], data: st.DataObject
) -> None:
    body = json.dumps(array).encode()
    cut = data.draw(st.integers(1, len(body) - 1))
    assert code_of(body[:cut], size=9) in {ErrorCode.TRUNCATED, ErrorCode.NOT_UTF8}


@given(st.binary(max_size=60), st.integers(1, 20))
@settings(max_examples=300)
def test_no_bytes_whatever_end_in_anything_but_records_or_a_reason(body: bytes, size: int) -> None:
    with contextlib.suppress(PermanentError):
        read(body, size)


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read(b"\xef\xbb\xbf[1]", size=1) == [1]


def test_half_of_a_surrogate_pair_stays_visible() -> None:
    assert read(rb'[{"title": "\ud800"}]') == [{"title": "\ud800"}]


def test_of_a_key_twice_in_a_record_the_last_one_stands() -> None:
    assert read(b'[{"year": 1, "year": 2}]') == [{"year": 2}]


def test_a_fault_is_named_with_its_line() -> None:
    with pytest.raises(PermanentError, match=r"line 3, after 1 good records"):
        read(b'[{"a": 1},\n\n{"b" 2}]', size=1_000)


def test_nesting_is_bounded_by_the_setting_and_not_before() -> None:
    def nested(depth: int) -> bytes:
        return b"[" + b"[" * depth + b"]" * depth + b"]"

    assert len(read(nested(20))) == 1
    assert code_of(nested(21)) is ErrorCode.TOO_DEEP
    assert code_of(nested(100_000), size=1_000) in {ErrorCode.RECORD_TOO_LARGE, ErrorCode.TOO_DEEP}


@given(values)
def test_the_depth_of_a_text_is_that_of_its_value(value: Any) -> None:
    def depth(node: Any) -> int:
        if isinstance(node, dict):
            node = list(node.values())
        return 1 + max(map(depth, node), default=0) if isinstance(node, list) else 0

    assert depth_of(json.dumps(value)) == depth(value)


def test_a_record_is_bounded_by_the_setting() -> None:
    assert len(read(b'["' + b"x" * 1_900 + b'"]')) == 1
    assert code_of(b'["' + b"x" * 2_100 + b'"]') is ErrorCode.RECORD_TOO_LARGE
    assert code_of(b'["' + b"x" * 2_100 + b'"]', size=10_000) is ErrorCode.RECORD_TOO_LARGE


def test_what_is_no_json_is_said_at_once_and_not_after_the_largest_record() -> None:
    def pieces() -> Any:
        yield b'[{"title" "no colon", "year": 2004}, ' + b" " * 1_000
        raise AssertionError("more was read than needed")

    with pytest.raises(PermanentError) as caught:
        list(read_records(pieces(), LIMITS))
    assert caught.value.code is ErrorCode.NOT_JSON
