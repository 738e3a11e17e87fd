"""From bytes to records: JSON arrays, single objects and objects in a row, one record at a time.

The parser is the standard library's, whose values and errors keep what matters here: half of a
surrogate pair stays visible (others turn it into a question mark), and the text of a bad record
is at hand. This module only feeds it, so that memory holds one record and not one file.
"""

import codecs
import json
import json.scanner
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, NoReturn

from schemas.imports import ErrorCode
from worker.errors import PermanentError
from worker.settings import Limits

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCALAR: Final = re.compile(r'["\-0-9tfn]')
_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_NO_BRACKETS: Final = re.compile(r"[^\[\]{}]+")
# What the window's end can leave of a token. The parser complains where the token begins, or takes
# the beginning of a number for the whole of it.
_CUT: Final = re.compile(r"t|tr|tru|f|fa|fal|fals|n|nu|nul|-|\\?u?[0-9A-Fa-f]{0,4}")
_NUMBER_CUT: Final = re.compile(r"[.eE][+\-0-9]*")


class Record(NamedTuple):
    """One record: its decoded value, where its text stands, and its size in bytes of UTF-8."""

    value: Any
    text: str
    start: int
    end: int
    size: int

    @property
    def raw(self) -> str:
        """The record as it stood in the file."""
        return self.text[self.start : self.end]


def read_records(pieces: Iterator[bytes], limits: Limits) -> Iterator[Record]:
    """Yields the records of a file. Raises PermanentError where it is no file of records."""
    return _Reader(pieces, limits).records()


class _Reader:
    """A window of text that moves over the file; `_at` is the place of the next token."""

    def __init__(self, pieces: Iterator[bytes], limits: Limits) -> None:
        self._pieces = pieces
        self._limits = limits
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        # What JSONDecoder.raw_decode wraps; without the wrap, a value that is missing costs less.
        decoder: Any = json.JSONDecoder(parse_constant=_refuse_constant)
        self._scan = json.scanner.make_scanner(decoder)
        self._text = ""
        self._at = 0
        self._lines_before = 0
        self._bytes_before = 0
        self._ended = False
        self._records = 0

    def records(self) -> Iterator[Record]:
        self._more()
        if self._text.startswith("\ufeff"):
            self._at = 1
        first = self._next_character()
        if first == "[":
            yield from self._array()
        elif first == "{":
            yield from self._sequence()
        else:
            self._refuse_top_level(first)

    def _array(self) -> Iterator[Record]:
        self._at += 1
        if self._next_character() != "]":
            yield self._record()
            while (separator := self._next_character()) == ",":
                self._at += 1
                if self._next_character() == "]":
                    self._refuse("A comma stands before the end of the array")
                yield self._record()
            if separator == "":
                raise PermanentError(
                    ErrorCode.TRUNCATED, f"The array does not end; it has {self._records} records."
                )
            if separator != "]":
                self._refuse("A comma or the end of the array is missing")
        self._at += 1
        if self._next_character():
            self._refuse("Something follows the end of the array")

    def _sequence(self) -> Iterator[Record]:
        while self._next_character():
            yield self._record()

    def _record(self) -> Record:
        """Parses one value, reading on as long as it is cut off by the window."""
        while (parsed := self._parsed()) is None:
            self._go_on()
        value, end = parsed
        record = Record(value, self._text, self._at, end, _size(self._text, self._at, end))
        self._check_size_and_nesting(record)
        self._records += 1
        self._at = end
        return record

    def _parsed(self) -> tuple[Any, int] | None:
        """Returns a value and its end, or None where more text may complete it."""
        try:
            value, end = self._scan(self._text, self._at)
        except StopIteration as stop:
            self._refuse_unless_cut("A value is missing", stop.value)
        except json.JSONDecodeError as error:
            if not error.msg.startswith("Unterminated string"):
                self._refuse_unless_cut(error.msg, error.pos)
        except RecursionError:
            self._refuse_nesting()
        except ValueError as error:  # a constant that is no JSON, or int(): too many digits
            self._refuse(str(error).partition(";")[0])
        else:
            if self._is_whole(end):
                return value, end
        return None

    def _is_whole(self, end: int) -> bool:
        if end == len(self._text):
            return self._ended
        return not _NUMBER_CUT.fullmatch(self._text, end)

    def _refuse_unless_cut(self, message: str, position: int) -> None:
        for cut in (_CUT, _NUMBER_CUT):
            if cut.fullmatch(self._text, position):
                return
        self._refuse(message, position)

    def _go_on(self) -> None:
        """Reads more of a record that is cut off. Refuses it where it is too large or ends."""
        if self._ended:
            raise PermanentError(
                ErrorCode.TRUNCATED, f"The file ends in the middle of record {self._records + 1}."
            )
        # Characters, which are no more than bytes; `_check_size_and_nesting` counts exactly.
        if len(self._text) - self._at > self._limits.max_record_bytes:
            self._refuse_size()
        self._more()

    def _check_size_and_nesting(self, record: Record) -> None:
        text, start, end = record.text, record.start, record.end
        if record.size > self._limits.max_record_bytes:
            self._refuse_size()
        # Counting is quick and enough for all but the strangest records.
        brackets = text.count("[", start, end) + text.count("{", start, end)
        if brackets > self._limits.max_nesting and depth_of(record.raw) > self._limits.max_nesting:
            self._refuse_nesting()

    def _next_character(self) -> str:
        """Skips white space and returns what follows, or nothing at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Reads on, until there is twice the text that is unread now or the file ends."""
        self._lines_before += self._text.count("\n", 0, self._at)
        parts = [self._text[self._at :]]
        wanted = 2 * len(parts[0])
        self._at = 0
        length = len(parts[0])
        while not self._ended:
            piece = next(self._pieces, b"")
            self._ended = not piece
            parts.append(self._decoded(piece))
            length += len(parts[-1])
            if length > max(wanted, len(parts[0])):
                break
        self._text = "".join(parts)
        return length > len(parts[0])

    def _decoded(self, piece: bytes) -> str:
        if self._bytes_before == 0:
            _refuse_other_encodings(piece[:4])
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            place = self._bytes_before + error.start
            raise PermanentError(
                ErrorCode.NOT_UTF8, f"Around byte {place} the file is not UTF-8: {error.reason}."
            ) from error
        self._bytes_before += len(piece)
        return text

    def _refuse_top_level(self, first: str) -> NoReturn:
        if not first:
            raise PermanentError(ErrorCode.EMPTY, "The file is empty.")
        if _SCALAR.match(first):
            self._record()  # raises where it is no JSON at all
            raise PermanentError(
                ErrorCode.WRONG_TOP_LEVEL,
                "The file holds a single JSON value that is neither an array nor an object.",
            )
        self._refuse("The file does not begin as JSON does")

    def _refuse_size(self) -> NoReturn:
        raise PermanentError(
            ErrorCode.RECORD_TOO_LARGE,
            f"Record {self._records + 1} is larger than {self._limits.max_record_bytes} bytes.",
        )

    def _refuse_nesting(self) -> NoReturn:
        raise PermanentError(
            ErrorCode.TOO_DEEP,
            f"Record {self._records + 1} is nested deeper than {self._limits.max_nesting} levels.",
        )

    def _refuse(self, message: str, position: int | None = None) -> NoReturn:
        end = self._at if position is None else position
        line = self._lines_before + self._text.count("\n", 0, end) + 1
        raise PermanentError(
            ErrorCode.NOT_JSON,
            f"{message} (line {line}, after {self._records} good records).",
        )


def _size(text: str, start: int, end: int) -> int:
    """Returns how many bytes a part of a text takes in UTF-8."""
    # To ask costs nothing: a string knows whether it is ASCII.
    return end - start if text.isascii() else len(text[start:end].encode())


def depth_of(raw: str) -> int:
    """Returns how deep arrays and objects stand in one another in a JSON text."""
    brackets = _NO_BRACKETS.sub("", _STRING.sub("", raw)).replace("{", "[").replace("}", "]")
    depth = 0
    while brackets:  # by far quicker than to look at each: all innermost pairs at once
        brackets = brackets.replace("[]", "")
        depth += 1
    return depth


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _refuse_other_encodings(start: bytes) -> None:
    for mark, name in (
        (codecs.BOM_UTF32_LE, "UTF-32"),
        (codecs.BOM_UTF32_BE, "UTF-32"),
        (codecs.BOM_UTF16_LE, "UTF-16"),
        (codecs.BOM_UTF16_BE, "UTF-16"),
    ):
        if start.startswith(mark):
            raise PermanentError(ErrorCode.NOT_UTF8, f"The file is {name}; UTF-8 is expected.")
