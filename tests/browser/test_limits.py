"""What a reader sees who asks more often than the API allows."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from local.postgres import Address
from tests.browser.chromium import Visit
from tests.browser.site import SAMPLES, Site, running_site
from tests.rig import wait_until


@pytest.fixture
def limited_site(browser: Browser, postgres: Address) -> Iterator[Site]:
    """A site that a reader may ask three times in six seconds."""
    with running_site(postgres, [SAMPLES], MRU_RATE_LIMIT="3/6seconds") as running:
        yield running


def test_a_search_beyond_the_limit_says_so_keeps_the_films_and_works_again_later(
    limited_site: Site, visit: Callable[..., Visit]
) -> None:
    begun = visit()
    page = begun.page
    page.goto(limited_site.url)
    films = page.locator(".card")
    message = page.get_by_role("alert")
    texts = itertools.cycle(["carmen", "carme"])

    def search() -> str:
        page.locator("form").get_by_label("Title", exact=True).fill(next(texts))
        page.wait_for_timeout(120)  # the page itself waits for 80 before it asks
        expect(page.locator(".htmx-request")).to_have_count(0)
        return message.inner_text()

    wait_until("the limit is reached", search)
    assert "Too many requests: the limit is 3 in 6 s. Try again in" in message.inner_text()
    expect(films).to_have_count(2)
    assert begun.complaints
    assert all("429" in complaint for complaint in begun.complaints)
    wait_until("the window has ended", lambda: not search())
    expect(films).to_have_count(2)
    begun.complaints.clear()  # the browser notes every response that is an error
