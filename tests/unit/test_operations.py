"""docs/operations.md against the code: every command, every option, both ways."""

import re
import shlex
from pathlib import Path
from typing import Final

import click
import pytest

from schemas.imports import ImportStatus
from worker.commands import imports

PAGE: Final = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
SECTIONS: Final = dict(
    re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
)
EXAMPLE: Final = re.compile(r"^\$ celery -A worker\.app imports (.+)$", re.MULTILINE)


def options_of(command: click.Command) -> set[str]:
    """Returns the long names of a command's options."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    return {name for option in options for name in option.opts if name.startswith("--")}


def test_every_command_has_its_section_and_no_other_has() -> None:
    assert list(SECTIONS) == list(imports.commands)


@pytest.mark.parametrize("name", imports.commands)
def test_every_option_is_in_its_commands_table_and_no_other_is(name: str) -> None:
    documented = re.findall(r"^\| `(--[a-z-]+)", SECTIONS[name], re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == options_of(imports.commands[name])


@pytest.mark.parametrize("name", imports.commands)
def test_every_command_has_an_example_that_it_understands_and_what_it_prints(name: str) -> None:
    blocks = re.findall(r"^```\n(\$ .*?)^```", SECTIONS[name], re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        assert [line for line in block.splitlines() if not line.startswith("$ ")]
        for typed in EXAMPLE.findall(block):
            command, *words = shlex.split(typed)
            assert command == name
            imports.commands[name].make_context(name, words)  # raises for what it does not know


def test_whatever_is_said_of_the_commands_elsewhere_on_the_page_is_there() -> None:
    for typed in re.findall(r"`imports ([a-z-]+)([^`]*)`", PAGE):
        name, words = typed
        options = set(re.findall(r"--[a-z-]+", words))
        assert options <= options_of(imports.commands[name]), typed


def test_every_status_is_named() -> None:
    named = re.search(r"^\| `--status` \| (.+) \|$", SECTIONS["list"], re.MULTILINE)
    assert named
    assert re.findall(r"`([a-z]+)`", named[1]) == [status.value for status in ImportStatus]
