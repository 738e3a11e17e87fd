"""The wheel holds every file of the components that git tracks, and nothing else."""

from pathlib import Path

import pytest

from tests.artefact.wheel import COMPONENTS, build, contents, copy_sources, tracked

# What git tracks in the components and no program reads once they are installed.
LEFT_OUT = {"local/install.sh"}

# One line of setup.cfg, and files that a wheel lacks without it.
PACKAGE_DATA = {
    "migrations/*.py": {"worker/migrations/env.py"},
    "migrations/versions/*.py": {"worker/migrations/versions/0001_the_first_tables.py"},
    "pages/templates/*": {"api/pages/templates/base.html"},
    "pages/static/vendor/*": {"api/pages/static/vendor/htmx.min.js"},
}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    copy_sources(folder)
    return folder


def test_the_wheel_holds_what_git_tracks_and_nothing_else(sources: Path, tmp_path: Path) -> None:
    wheel = build(sources, tmp_path / "wheels")
    assert contents(wheel) == tracked(*COMPONENTS) - LEFT_OUT


@pytest.mark.parametrize("line", PACKAGE_DATA)
def test_the_wheel_lacks_files_when_a_line_of_the_package_data_goes(
    line: str, sources: Path, tmp_path: Path
) -> None:
    setup = sources / "setup.cfg"
    lines = setup.read_text("utf-8").splitlines()
    assert lines.count(line) + lines.count(f"    {line}") == 1
    without = [each for each in lines if each.strip() != line]
    setup.write_text("\n".join(without) + "\n", encoding="utf-8")
    missing = tracked(*COMPONENTS) - LEFT_OUT - contents(build(sources, tmp_path / "wheels"))
    assert missing >= PACKAGE_DATA[line]
