"""What a run did not check: a list at its end, or, with MRU_ALL_CHECKS=1, a failure for each.

tests/conftest.py loads this as a plugin. With pytest-xdist it works in each of the processes.
"""

import os
from collections.abc import Generator
from typing import Final, cast

import pytest

STRICT: Final = "MRU_ALL_CHECKS"
_SWITCH: Final = {"0": False, "": False, "1": True}


def all_checks() -> bool:
    """Whether a check that cannot run is a failure."""
    value = os.environ.get(STRICT, "")
    if value not in _SWITCH:
        raise pytest.UsageError(f"{STRICT} is 1 or 0, not {value!r}.")
    return _SWITCH[value]


def pytest_configure(config: pytest.Config) -> None:
    """Rejects a wrong value before anything runs."""
    all_checks()


# The outermost, so that it sees what pytest's own hooks made of an expected failure.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Makes a failure of a skipped test."""
    report = yield
    if not hasattr(report, "wasxfail"):  # an expected failure did run, and is reported as a skip
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Makes a failure of a skipped file."""
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and all_checks():
        report.outcome = "failed"
        report.longrepr = f"{STRICT}=1, but this was skipped: {report.nodeid}: {reason_of(report)}"


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Returns why something was skipped, as whoever skipped it put it."""
    place = cast("tuple[str, int, str]", report.longrepr)  # a file, a line and the reason
    return place[2].removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lists by name what was not checked, under each reason."""
    names: dict[str, list[str]] = {}
    for report in terminalreporter.getreports("skipped"):
        names.setdefault(reason_of(report), []).append(report.nodeid)
    if not names:
        return
    count = sum(map(len, names.values()))
    terminalreporter.section(f"{count} not checked ({STRICT}=1 makes failures of them)")
    for reason, skipped in names.items():
        terminalreporter.write_line(f"{reason}")
        for name in skipped:
            terminalreporter.write_line(f"    {name}")
