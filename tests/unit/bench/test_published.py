"""The results of several benchmarks in one file."""

from pathlib import Path

from bench.published import publish


def test_a_chapter_takes_the_place_of_its_elder_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "bench" / "RESULTS.md"
    publish(path, "# Imports\n\n## Speed\n\nslow\n")
    publish(path, "# Searches\n\nfast")
    publish(path, "# Imports\n\n## Speed\n\n#1: fast\n")
    assert path.read_text() == "# Imports\n\n## Speed\n\n#1: fast\n\n# Searches\n\nfast\n"
