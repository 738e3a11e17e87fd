"""MRU_ALL_CHECKS=1 makes a failure of every skip, however it comes about, and of nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import STRICT

ROOT = Path(__file__).parents[2]
TESTS = """
import unittest
import pytest

@pytest.fixture
def absent():
    pytest.skip("fixture says no")

@pytest.fixture
def absent_later():
    yield
    pytest.skip("teardown says no")

@pytest.mark.skip(reason="mark says no")
def test_mark():
    assert False

@pytest.mark.skipif(True, reason="condition says no")
def test_condition():
    assert False

def test_fixture(absent):
    assert False

def test_teardown(absent_later):
    pass

def test_call():
    pytest.skip("call says no")

def test_import():
    pytest.importorskip("no_such_module", reason="import says no")

@pytest.mark.parametrize("value", [])
def test_no_parameters(value):
    assert False

class OfUnittest(unittest.TestCase):
    @unittest.skip("decorator says no")
    def test_decorator(self):
        pass

    def test_skip_test(self):
        self.skipTest("method says no")

@pytest.mark.xfail(reason="known")
def test_known_failure():
    assert False

@pytest.mark.xfail(run=False, reason="known, and not run")
def test_known_and_not_run():
    assert False

def test_good():
    pass
"""
FILE = 'import pytest\npytest.importorskip("no_such_module", reason="file says no")\n'
REASONS = {
    "mark says no",
    "condition says no",
    "fixture says no",
    "teardown says no",
    "call says no",
    "import says no",
    "decorator says no",
    "method says no",
    "file says no",
    "got empty parameter set for (value)",
}


@pytest.fixture
def run(tmp_path: Path):
    """Runs pytest on one test of each kind; returns how it ended and what it printed."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_kinds.py").write_text(TESTS)
    (tmp_path / "test_file.py").write_text(FILE)

    def run(*options: str, strict: str | None = None) -> tuple[int, str]:
        names = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        names.pop(STRICT, None)
        names |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        names |= {} if strict is None else {STRICT: strict}
        command = [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "tests.skips", *options]
        done = subprocess.run(
            command, cwd=tmp_path, env=names, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("processes", [[], ["-n2"]], ids=["one process", "two processes"])
def test_every_skip_is_a_failure_that_names_the_check_and_its_reason(run, processes) -> None:
    status, output = run("--continue-on-collection-errors", *processes, strict="1")
    assert status == 1
    found = re.findall(rf"^{STRICT}=1, but this was skipped: test_\S+: (.+)", output, re.MULTILINE)
    assert set(found) == REASONS
    assert re.search(r"but this was skipped: test_kinds.py::test_call: call says no", output)
    assert re.search(r"\b4 failed, 2 passed, 2 xfailed, 6 errors in", output), output


@pytest.mark.parametrize("processes", [[], ["-n2"]], ids=["one process", "two processes"])
@pytest.mark.parametrize("strict", [None, "0"])
def test_otherwise_the_end_lists_what_was_skipped_under_its_reason(run, processes, strict) -> None:
    status, output = run(*processes, strict=strict)
    assert status == 0
    listed = output.partition(f"10 not checked ({STRICT}=1 makes failures of them)")[2]
    for reason in REASONS:
        assert re.search(rf"^{re.escape(reason)}\n    test_\S+$", listed, re.MULTILINE), reason
    assert "\ncall says no\n    test_kinds.py::test_call\n" in listed
    assert "known" not in listed
    assert re.search(r"\b2 passed, 10 skipped, 2 xfailed in", output), output


def test_nothing_is_listed_where_everything_ran(run) -> None:
    status, output = run("test_kinds.py::test_good")
    assert (status, "not checked" in output) == (0, False)


def test_another_value_is_rejected(run) -> None:
    status, output = run(strict="yes")
    assert status == 4
    assert f"{STRICT} is 1 or 0, not 'yes'." in output
