"""bench/RESULTS.md, which several benchmarks share: each writes its own chapter, never by hand."""

import re
from pathlib import Path
from typing import Final

_CHAPTER: Final = re.compile(r"^(?=# )", re.MULTILINE)


def publish(path: Path, chapter: str) -> None:
    """Writes a chapter, which begins with its "# " heading, into a file.

    It takes the place of the one with the same heading, or comes last; the others stay.
    """
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    chapters = {heading(text): text for text in _CHAPTER.split(old) if text.strip()}
    chapters[heading(chapter)] = chapter
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(f"{text.rstrip()}\n" for text in chapters.values()), encoding="utf-8")


def heading(chapter: str) -> str:
    """Returns a chapter's first line."""
    return chapter.partition("\n")[0]
