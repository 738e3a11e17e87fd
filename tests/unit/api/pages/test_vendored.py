"""What is not ours is what VENDORED.md says: version, licence, checksum; and it is all there."""

import hashlib
import re
from pathlib import Path
from typing import Final

import pytest

from api import pages as vendor_place

FOLDER: Final = Path(vendor_place.__file__).with_name("static") / "vendor"
ROW: Final = re.compile(
    r"^\| `(?P<file>[^`]+)` \| (?P<package>\S+) (?P<version>[\d.]+) \| `[^`]+` \| "
    r"[^|]+, `(?P<licence>[^`]+)` \| `(?P<checksum>[0-9a-f]{64})` \|$",
    re.MULTILINE,
)
ROWS: Final = list(ROW.finditer((FOLDER / "VENDORED.md").read_text("utf-8")))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_a_file_is_the_one_that_was_taken_over(row: re.Match[str]) -> None:
    assert hashlib.sha256((FOLDER / row["file"]).read_bytes()).hexdigest() == row["checksum"]
    assert (FOLDER / row["licence"]).read_text("utf-8").strip()


@pytest.mark.parametrize("row", [row for row in ROWS if row["file"].endswith((".js", ".css"))])
def test_a_file_says_the_version_that_the_table_has(row: re.Match[str]) -> None:
    assert row["version"] in (FOLDER / row["file"]).read_text("utf-8")


def test_no_file_is_without_a_line() -> None:
    known = {row["file"] for row in ROWS} | {row["licence"] for row in ROWS} | {"VENDORED.md"}
    assert {path.name for path in FOLDER.iterdir()} == known
