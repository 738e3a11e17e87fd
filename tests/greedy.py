"""Files that are made to cost a worker, or the readers of what it takes, as much as they can.

Each is built when it is wanted, and comes with how its import has to end: the code of its failure,
or nothing where it is within all bounds and is taken.
"""

import functools
import gzip
import io
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from backports import zstd

from schemas.movie import CAST_MAX_NAMES, GENRES_MAX_NAMES, NAME_MAX_LENGTH, TITLE_MAX_LENGTH

MEBIBYTE: Final = 1024 * 1024
YEAR: Final = 2100  # so that the largest movies come first on every page
_TINY: Final = b'{"title":"x","year":2000}'


def _movie(title: str, **fields: Any) -> dict[str, Any]:
    return {"title": title, "year": YEAR} | fields


def _json(records: Iterable[Any]) -> bytes:
    return json.dumps(list(records), ensure_ascii=False, separators=(",", ":")).encode()


def _array(record: bytes, size: int) -> bytes:
    """An array of one record again and again, of about so many bytes."""
    return b"[" + b",".join([record] * (size // (len(record) + 1))) + b"]"


def _gzip(pieces: Iterable[bytes]) -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as packed:
        for piece in pieces:
            packed.write(piece)
    return file.getvalue()


def _zstd(pieces: Iterable[bytes], **options: int) -> bytes:
    file = io.BytesIO()
    names = {int(zstd.CompressionParameter[name]): value for name, value in options.items()}
    with zstd.open(file, "wb", options=names) as packed:
        for piece in pieces:
            packed.write(piece)
    return file.getvalue()


def _megabyte_records(number: int) -> Iterable[bytes]:
    for each in range(number):
        yield b'{"title":"%d","year":2100,"x":"' % each + b"y" * 1_000_000 + b'"}\n'


def _names(number: int, letter: str = "n", count: int = CAST_MAX_NAMES) -> list[str]:
    """Names as long as they may be, no two of them the same."""
    return [f"{number} {each} ".ljust(NAME_MAX_LENGTH, letter) for each in range(count)]


def _fat_casts(number: int, letter: str) -> bytes:
    return _json(
        _movie(
            f"Fat {letter!a} {at} ".ljust(TITLE_MAX_LENGTH, letter),
            cast=_names(at, letter),
            genres=_names(at, letter, GENRES_MAX_NAMES),
        )
        for at in range(number)
    )


def _many_genres(movies: int) -> bytes:
    return _json(
        _movie(f"Genres {at}", year=2099, genres=_names(at, count=GENRES_MAX_NAMES))
        for at in range(movies)
    )


def _long_titles(number: int) -> bytes:
    words = " ".join(f"word{each}" for each in range(100))
    return _json(_movie(f"{at} {words}"[:TITLE_MAX_LENGTH], year=2099) for at in range(number))


def _whole_records(field: str, number: int) -> bytes:
    records = (
        b'{"title":"Whole %d","year":2000,%s}' % (at, field.encode()) for at in range(number)
    )
    return b"[" + b",".join(records) + b"]"


_WIDE: Final = ",".join(f'"{each}":0' for each in range(100_000))
_NESTED: Final = '"x":' + "[" * 60 + "]" * 60
_SPACED: Final = json.dumps(_movie(" x", year=2000, cast=[" x"] * 200, genres=[" x"] * 20)).encode()
_ALL_WRONG: Final = json.dumps(_movie("x", cast=[0] * 200)).encode()
_HALF_WRONG: Final = b"{}," + b",".join([_TINY] * 4)

Builder = Callable[[], bytes]
FILES: Final[dict[str, tuple[Builder, str | None]]] = {
    "a run of 500,000 marks": (lambda: _json([_movie("x" + "\u0301" * 500_000)]), "bad_records"),
    "runs of marks in names": (
        lambda: _json([_movie(f"{at}", cast=["x" + "\u0301" * 3_000] * 100) for at in range(20)]),
        "bad_records",
    ),
    "25 casts of 5,000 names": (
        lambda: _gzip([_json(_movie(f"{at}", cast=["n" * 200] * 5_000) for at in range(25))]),
        "unpacked_too_large",
    ),
    "a megabyte of empty objects": (lambda: _array(b"{}", MEBIBYTE), "bad_records"),
    "8 MiB of numbers": (lambda: _gzip([_array(b"0", 8 * MEBIBYTE)]), "bad_records"),
    "records of 200 faults": (lambda: _array(_ALL_WRONG, 4 * MEBIBYTE), "bad_records"),
    "a fifth of the records wrong": (lambda: _array(_HALF_WRONG, 4 * MEBIBYTE), "bad_records"),
    "numbers of 4,000 digits": (
        lambda: _array(b'{"title":"x","year":' + b"9" * 4_000 + b"}", 8 * MEBIBYTE),
        "bad_records",
    ),
    "5,000 records of 1 MB, gzip": (
        # A member for each record: 5 GB would take a minute to compress.
        lambda: _gzip(_megabyte_records(1)) * 5_000,
        "unpacked_too_large",
    ),
    "5,000 records of 1 MB, zstd": (lambda: _zstd(_megabyte_records(5_000)), "unpacked_too_large"),
    "a gigabyte of blanks": (lambda: _gzip([b" " * MEBIBYTE]) * 1_000, "unpacked_too_large"),
    "a gigabyte of one text": (
        lambda: _zstd([b'[{"title":"', *([b"x" * MEBIBYTE] * 1_000)]),
        "record_too_large",
    ),
    "a window of 128 MiB": (
        lambda: _zstd([_array(_TINY, MEBIBYTE)], window_log=27),
        "bad_compression",
    ),
    "nested 500,000 deep": (lambda: b"[" * 500_000, "too_deep"),
    "cut off after 8 MiB": (lambda: _array(_TINY, 8 * MEBIBYTE)[:-3], "truncated"),
    "a wrong byte after 8 MiB": (lambda: _array(_TINY, 8 * MEBIBYTE)[:-2] + b"\xff]", "not_utf8"),
    "records nested 60 deep": (lambda: _whole_records(_NESTED, 30_000), None),
    "records of 340,000 arrays": (
        lambda: _whole_records('"x":[' + "[]," * 340_000 + "[]]", 8),
        None,
    ),
    "records of 100,000 fields": (lambda: _whole_records(_WIDE, 8), None),
    "8 MiB of one tiny record": (lambda: _gzip([_array(_TINY, 8 * MEBIBYTE - 99)]), None),
    "names that need mending": (lambda: _gzip([_array(_SPACED, 8 * MEBIBYTE - 99)]), None),
    "names that need composing": (
        lambda: _json(_movie(f"{at}", year=2000, cast=["e\u0301" * 200] * 200) for at in range(60)),
        None,
    ),
    "the fattest casts": (lambda: _fat_casts(60, "\U00010437"), None),
    "casts of control characters": (lambda: _fat_casts(60, "\x01"), None),
    "casts of quotes": (lambda: _fat_casts(60, '"'), None),
    "the longest titles": (lambda: _long_titles(3_000), None),
    "30,000 genres": (lambda: _many_genres(1_500), None),
}


@functools.cache
def greedy_file(name: str) -> bytes:
    """Returns one of FILES, made once."""
    build, _ = FILES[name]
    return build()
