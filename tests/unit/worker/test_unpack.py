"""Unpacking, and what bombs and broken archives end in."""

import gzip
import io
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from schemas.imports import ErrorCode
from worker.errors import PermanentError
from worker.settings import Limits
from worker.unpack import unpack

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
}


def unpacked(packed: bytes, limits: Limits = Limits()) -> bytes:  # noqa: B008  it is frozen
    return b"".join(unpack(io.BufferedReader(io.BytesIO(packed)), len(packed), limits))


@pytest.mark.parametrize("name", PACKERS)
@given(content=st.binary(max_size=1_000))
def test_what_was_packed_comes_out_again(name: str, content: bytes) -> None:
    if name == "plain":  # which must not look like one of the others
        content = b"[" + content
    assert unpacked(PACKERS[name](content)) == content


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_archives_in_a_row_are_one_file(name: str) -> None:
    pack = PACKERS[name]
    assert unpacked(pack(b"one ") + pack(b"two")) == b"one two"


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_an_archive_cut_off_anywhere_is_truncated(name: str) -> None:
    packed = PACKERS[name](bytes(range(256)) * 4)
    for cut in range(5, len(packed) - 1, 7):
        with pytest.raises(PermanentError) as caught:
            unpacked(packed[:cut])
        assert caught.value.code is ErrorCode.TRUNCATED, cut


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_an_archive_with_a_wrong_byte_is_refused(name: str) -> None:
    checked = {int(zstd.CompressionParameter.checksum_flag): 1}
    content = bytes(range(256)) * 40
    packed = bytearray(
        zstd.compress(content, options=checked) if name == "zstd" else gzip.compress(content)
    )
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(PermanentError) as caught:
        unpacked(bytes(packed))
    assert caught.value.code in {ErrorCode.BAD_COMPRESSION, ErrorCode.TRUNCATED}


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(name: str) -> None:
    packed = PACKERS[name](b" " * 3_000_000)
    with pytest.raises(PermanentError) as caught:
        unpacked(packed, Limits(max_unpacked_bytes=1_000_000))
    assert caught.value.code is ErrorCode.UNPACKED_TOO_LARGE


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_file_that_unpacks_to_too_many_times_its_size_is_rejected(name: str) -> None:
    packed = PACKERS[name](b" " * 40_000_000)
    with pytest.raises(PermanentError, match=f"more than 50 times its {len(packed)} bytes") as why:
        unpacked(packed)
    assert why.value.code is ErrorCode.UNPACKED_TOO_LARGE


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_file_is_unpacked_up_to_the_ratio_and_a_small_one_whatever_its_ratio(name: str) -> None:
    noise = random.Random(1).randbytes(200_000)
    assert len(unpacked(PACKERS[name](noise + b" " * 9_500_000))) == 9_700_000  # 48 times
    assert len(unpacked(PACKERS[name](b" " * 8_000_000))) == 8_000_000


def test_a_window_that_takes_more_memory_than_a_worker_has_is_refused() -> None:
    options = {int(zstd.CompressionParameter.window_log): 27}
    stream = io.BytesIO()
    with zstd.open(stream, "wb", options=options) as file:  # a stream does not say how long it is
        file.write(b"x" * 1_000_000)
    packed = stream.getvalue()
    with pytest.raises(PermanentError) as caught:
        unpacked(packed)
    assert caught.value.code is ErrorCode.BAD_COMPRESSION


_READ_A_BOMB = """
import io, resource, sys
from worker.errors import PermanentError
from worker.records import read_records
from worker.settings import Limits
from worker.unpack import unpack

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[1], "rb", buffering=0) as file:
    try:
        pieces = unpack(io.BufferedReader(file), 2**30, Limits())
        for record in read_records(pieces, Limits()):
            pass
    except PermanentError as error:
        print(error.code.value)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_gigabyte_of_one_string_behind_a_megabyte_costs_no_memory(
    name: str, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.json"
    with gzip.open(bomb, "wb") if name == "gzip" else zstd.open(bomb, "wb") as file:
        file.write(b'[{"title": "')
        for _ in range(1_000):
            file.write(b"x" * 1_000_000)
    assert bomb.stat().st_size < 2_000_000
    done = subprocess.run(
        [sys.executable, "-c", _READ_A_BOMB, bomb], capture_output=True, text=True, check=True
    )
    code, kibibytes = done.stdout.split()
    assert code == ErrorCode.RECORD_TOO_LARGE
    assert int(kibibytes) < 40_000  # a record's limit is 1 MiB; a decoder's window may be 32
