"""What tests in a browser share: one Chromium and one site a module, and visits to it.

They are a module's and not a session's: while playwright runs, nothing else in the process can run
an event loop.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from local.postgres import Address
from tests.browser.chromium import Visit, find_chromium, running_chromium
from tests.browser.site import SAMPLES, Site, real_files, running_site

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("There is no Chromium here (Debian: apt-get install chromium).")
    with running_chromium(program) as running:
        yield running


@pytest.fixture(scope="module")
def site(browser: Browser, postgres: Address) -> Iterator[Site]:
    """A site with the films of the samples."""
    with running_site(postgres, [SAMPLES]) as running:
        yield running


@pytest.fixture(scope="module")
def large_site(browser: Browser, postgres: Address) -> Iterator[Site]:
    """A site with the real films of the 1910s, where they are at hand."""
    with running_site(postgres, real_files("movies-1910s.json")) as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a browser window; at the end nothing may have gone wrong in it."""
    visits: list[Visit] = []

    def begin(**options: Any) -> Visit:
        visits.append(Visit(browser, **options))
        return visits[-1]

    yield begin
    for each in visits:
        each.close()
    assert [complaint for each in visits for complaint in each.complaints] == []
