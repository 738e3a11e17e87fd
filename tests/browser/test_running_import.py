"""A real import in a real browser: uploaded, announced, queued and read by the processes of the
local stack, while somebody looks at the page and does nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from local.folder import forget
from tests.browser.chromium import Visit
from tests.local_stack import get, put, running_stack_behind
from tests.proxies import HttpProxy
from tests.slow_files import CHUNK_RECORDS, RECORDS, Tap, make_file

Begin = Callable[..., Visit]

KEY = "large.json"

# The bar's value, as soon as it is beyond another one.
GROWN = """
least => {
  const bar = document.querySelector("progress");
  return bar && bar.value > least && bar.value;
}
"""


@pytest.fixture
def folder(browser: Browser, tmp_path: Path) -> Iterator[Path]:
    """A folder for a stack, whose data are removed wherever they lie."""
    yield tmp_path
    forget(tmp_path)


def grown(page: Page, least: float) -> float:
    return float(page.wait_for_function(GROWN, arg=least).json_value())


def row_of(page: Page, key: str) -> Locator:
    return page.locator(".imports tbody").filter(has_text=key)


def test_a_file_that_is_uploaded_shows_up_by_itself_as_a_bar_that_moves_and_ends(
    folder: Path, visit: Begin
) -> None:
    tap = Tap()
    with (
        HttpProxy(0) as proxy,
        running_stack_behind(proxy, folder, MRU_CHUNK_RECORDS=str(CHUNK_RECORDS)) as environment,
    ):
        proxy.plan(tap, operation=f"GET /{environment['MRU_BUCKET']}/{KEY}")
        page = visit().page
        page.goto(f"{environment['API_URL']}/ui/imports")
        page.evaluate("window.opened = 'once'")
        expect(page.get_by_text("No file has come yet.")).to_be_visible()

        put(environment, KEY, make_file())
        bar = page.get_by_role("progressbar", name=f"Progress of {KEY}")
        expect(bar).to_be_visible()
        tap.open.set()
        first = grown(page, 0)
        second = grown(page, first)
        third = grown(page, second)
        assert 0 < first < second < third < 1
        expect(row_of(page, KEY)).to_contain_text("Running")
        tap.hurry.set()

        expect(bar).to_have_count(0)
        expect(row_of(page, KEY)).to_contain_text("Succeeded")
        expect(row_of(page, KEY)).to_contain_text(f"{RECORDS:,}")
        assert page.evaluate("window.opened") == "once"  # nobody has loaded it again
        (done,) = get(f"{environment['API_URL']}/imports")
        assert (done["status"], done["inserted"]) == ("succeeded", RECORDS)
        page.close()  # before the server: it looks for more imports
