"""Packs a room into the zip that Lambda runs: the same bytes for the same files, on any machine.

python -m local.archive notifier build/notifier.zip
"""

import io
import sys
import zipfile
from pathlib import Path
from typing import Final

_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_READABLE_BY_ALL: Final = 0o100644 << 16


def pack_room(room: Path) -> bytes:
    """Returns a zip of a room's Python files, under the room's name."""
    packed = io.BytesIO()
    # Stored and not deflated: what deflate makes of a file differs between versions of zlib.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(room.rglob("*.py")):
            entry = zipfile.ZipInfo(file.relative_to(room.parent).as_posix(), _FIXED_TIME)
            entry.external_attr = _READABLE_BY_ALL
            archive.writestr(entry, file.read_bytes())
    return packed.getvalue()


def main() -> None:
    """Writes the zip of the room that the first argument names to the file that the second does."""
    room, file = Path(sys.argv[1]), Path(sys.argv[2])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pack_room(room))


if __name__ == "__main__":
    main()
