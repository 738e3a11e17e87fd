"""SECURITY.md's threat model: each line names tests, and all of them are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = [
    line
    for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| who |", "| ---"))
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split("|")[2].strip())
def test_each_line_names_tests_that_exist(line: str) -> None:
    named = re.findall(r"`(tests/[^`]+)::(test_\w+)`", line.split("|")[-2])
    assert named
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_lines() -> None:
    assert len(LINES) > 15
