"""What `make installed` tests first: that the components are those of the wheel."""

import importlib
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
COMPONENTS = ("api", "local", "notifier", "schemas", "worker")


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_comes_from_the_environment_and_not_from_a_source_tree(component: str) -> None:
    assert not (HERE / component).exists()
    (place,) = importlib.import_module(component).__path__
    assert Path(place).parents[0] == Path(sys.prefix, "lib", Path(place).parts[-3], "site-packages")


def test_the_celery_command_finds_the_operators_commands() -> None:
    found = metadata.entry_points(group="celery.commands", name="imports")
    assert {entry.value for entry in found} == {"worker.commands:imports"}
    done = subprocess.run(
        [sys.executable, "-m", "celery", "--app", "worker.app", "imports", "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )
    assert done.returncode == 0, done.stderr
    assert "backfill" in done.stdout
