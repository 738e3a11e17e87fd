"""The notifier's zip: the same bytes for the same code, and nothing in it but that."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from local.archive import pack_room
from tests.deploy.tools import ROOT


def test_the_zip_is_the_same_bytes_wherever_and_whenever_it_is_made(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "notifier"
    shutil.copytree(ROOT / "notifier", copy)
    for file in copy.rglob("*"):
        file.chmod(0o700)
        os.utime(file, (0, 0))
    assert pack_room(copy) == pack_room(ROOT / "notifier")


def test_the_command_writes_the_very_same(tmp_path: Path) -> None:
    digests = set()
    for name in ("one.zip", "two.zip"):
        file = tmp_path / "build" / name
        command = [sys.executable, "-m", "local.archive", "notifier", str(file)]
        subprocess.run(command, cwd=ROOT, check=True)
        digests.add(hashlib.sha256(file.read_bytes()).hexdigest())
    assert digests == {hashlib.sha256(pack_room(ROOT / "notifier")).hexdigest()}


def test_the_zip_has_the_notifiers_code_alone_readable_by_all(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = {entry.filename for entry in packed.infolist()}
        modes = {entry.external_attr >> 16 for entry in packed.infolist()}
    assert names == {f"notifier/{file.name}" for file in (ROOT / "notifier").glob("*.py")}
    assert modes == {0o100644}
