"""The reckoning of docs/capacity.md begins with what the benchmark measured, and nothing better."""

from pathlib import Path

import pytest

from tests.deploy.capacity import CAPACITY, RESULTS, NotThereError, SmallFiles, reckoned


def test_the_page_names_the_rates_that_were_measured() -> None:
    measured = SmallFiles.measured()
    words = {1: "one process", 2: "two processes"}[measured.processes]
    page = CAPACITY.read_text("utf-8")
    assert (
        f"| files of one movie, a worker with {words} | {measured.worker:.0f} a second |\n"
        f"| the same, receiving, fetching and deleting alone | {measured.floor:.0f} a second |\n"
    ) in page


def test_no_more_is_reckoned_with_than_was_measured() -> None:
    assert 0 < reckoned() <= SmallFiles.measured().per_process


def test_a_report_without_the_rates_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    text = RESULTS.read_text("utf-8")
    page.write_text(text.replace("## Small files", "## Little files"), encoding="utf-8")
    with pytest.raises(NotThereError, match=r"RESULTS.md has not a section Small files"):
        SmallFiles.measured(page)
    head, _, _ = text.partition("## Small files")
    page.write_text(head + "## Small files\n\nNone.\n", encoding="utf-8")
    with pytest.raises(NotThereError, match="a row of rates under Small files"):
        SmallFiles.measured(page)
