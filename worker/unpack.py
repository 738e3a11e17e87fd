"""Compressed files: what a file is is told by its first bytes, never by its name or its headers."""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Final, Protocol

from backports import zstd

from schemas.imports import ErrorCode
from worker.errors import PermanentError
from worker.settings import Limits

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PIECE_BYTES: Final = 256 * 1024
# Whatever a file's ratio, so much is unpacked: the first of many like records say little.
_ALWAYS_UNPACKED_BYTES: Final = 8 * 1024 * 1024
# A decoder needs a window of this size; `zstd --ultra` may ask for more than a worker has.
_ZSTD_WINDOW_LOG_MAX: Final = 25


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpack(stream: io.BufferedReader, size: int, limits: Limits) -> Iterator[bytes]:
    """Yields the plain bytes of a stream of `size` bytes: gzip and zstd unpacked, else as it is.

    Pieces are at most 256 KiB, so that a small file that unpacks without end costs no memory.
    Raises PermanentError with BAD_COMPRESSION, TRUNCATED or UNPACKED_TOO_LARGE.
    """
    plain, name = _opened(stream)
    fair = max(_ALWAYS_UNPACKED_BYTES, limits.max_unpack_ratio * size)
    total = 0
    while piece := _read(plain, name):
        total += len(piece)
        if total > limits.max_unpacked_bytes:
            raise PermanentError(
                ErrorCode.UNPACKED_TOO_LARGE,
                f"The file unpacks to more than {limits.max_unpacked_bytes} bytes.",
            )
        if total > fair:
            raise PermanentError(
                ErrorCode.UNPACKED_TOO_LARGE,
                f"The file unpacks to more than {limits.max_unpack_ratio} times its {size} bytes.",
            )
        yield piece


def _opened(stream: io.BufferedReader) -> tuple[_Readable, str]:
    magic = stream.peek(4)[:4]
    if magic.startswith(_GZIP):
        return gzip.GzipFile(fileobj=stream, mode="rb"), "gzip"
    if magic == _ZSTD:
        window = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG_MAX}
        return zstd.ZstdFile(stream, options=window), "zstd"
    return stream, "plain"


def _read(plain: _Readable, name: str) -> bytes:
    try:
        return plain.read(_PIECE_BYTES)
    except EOFError as error:
        raise PermanentError(ErrorCode.TRUNCATED, f"The {name} file ends in the middle.") from error
    except (gzip.BadGzipFile, zlib.error, zstd.ZstdError) as error:
        raise PermanentError(
            ErrorCode.BAD_COMPRESSION, f"The {name} file cannot be unpacked: {error}."
        ) from error
