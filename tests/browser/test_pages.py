"""What holds of every page: axe finds nothing to say, the console is silent, nothing overflows."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.chromium import Visit
from tests.browser.site import Site
from tests.rows import make_bad_record, make_import

Begin = Callable[..., Visit]

# axe's own choice leaves out the newest rules, and those that are good practice only.
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="module", autouse=True)
def _imports(site: Site) -> None:
    """One import of each kind."""
    make_import(site.dsn, key="movies.json", read=226, inserted=226, size=52_000)
    make_import(site.dsn, key="large.json", status="running", size=1000, bytes_so_far=250)
    refused = make_import(
        site.dsn,
        key="a-file-with-a-name-that-is-as-long-as-names-of-exports-tend-to-be-2026-11-24.json",
        status="failed",
        error_code="bad_records",
        error="1 of 3 records is bad.",
        read=3,
        rejected=3,
        bad_records=1,
    )
    make_bad_record(site.dsn, refused, 2)


def open_failure(page: Page) -> None:
    page.get_by_text("1 bad record", exact=True).click()
    expect(page.locator(".bad-records pre")).to_be_visible()


def open_import(page: Page) -> None:
    page.get_by_role("link", name="a-file-with-a-name").click()
    expect(page.locator(".bad-records pre")).to_be_visible()


def stay(page: Page) -> None:
    """Looks at the page as it is."""


PAGES = {
    "search": ("/?title=the&genre=drama&limit=5", stay),
    "start": ("/?limit=5", stay),
    "nothing": ("/?title=bob%20hoskins", stay),
    "imports": ("/ui/imports", open_failure),
    "import": ("/ui/imports", open_import),
}


def complaints(page: Page, *rules: str) -> str:
    """Returns what axe has to say of a page, by all its rules or by some."""
    run_only = {"type": "rule", "values": list(rules)} if rules else AXE_TAGS
    found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": run_only})
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation_in_light_and_dark_and_on_a_phone(
    site: Site, visit: Begin, name: str
) -> None:
    address, prepare = PAGES[name]
    page = visit(color_scheme="light", viewport=DESKTOP, reduced_motion="reduce").page
    page.goto(site.url + address)
    prepare(page)
    assert complaints(page) == ""
    page.emulate_media(color_scheme="dark")
    assert complaints(page, "color-contrast", "link-in-text-block") == ""
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert complaints(page, "color-contrast", "target-size", "scrollable-region-focusable") == ""


def test_a_page_that_tells_of_an_error_is_accessible_too(site: Site, visit: Begin) -> None:
    for address in ("/?year_from=x&titel=1", "/ui/imports?status=lost", "/ui/imports/nothing"):
        begun = visit()
        begun.page.goto(site.url + address)
        expect(begun.page.get_by_role("alert")).not_to_be_empty()
        assert complaints(begun.page) == ""
        begun.complaints.clear()  # the browser notes every answer that is an error


def test_dark_and_light_are_as_the_reader_likes_them(site: Site, visit: Begin) -> None:
    background = "getComputedStyle(document.documentElement).backgroundColor"
    colours = set()
    for scheme in ("light", "dark"):
        page = visit(color_scheme=scheme).page
        page.goto(site.url)
        colours.add(page.evaluate(background))
    assert len(colours) == 2


def test_who_wants_no_motion_sees_none(site: Site, visit: Begin) -> None:
    page = visit(reduced_motion="reduce").page
    page.goto(site.url)
    duration = "getComputedStyle(document.getElementById('found')).transitionProperty"
    assert page.evaluate(duration) == "none"


def test_the_apis_document_is_shown_without_asking_any_other_server(
    site: Site, visit: Begin
) -> None:
    page = visit().page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}/docs")
    expect(page.get_by_role("heading", name="Movies-r-us")).to_be_visible()
    operation = page.locator("#operations-movies-searchMovies")
    operation.get_by_role("button").first.click()
    expect(operation.get_by_text("Find movies by title, actor, genre and year")).to_be_visible()
    foreign = [url for url in asked if not url.startswith((site.url, "data:"))]
    assert foreign == []


def test_a_page_asks_this_server_alone(site: Site, visit: Begin) -> None:
    page = visit().page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.url)
    page.get_by_role("link", name="Imports").click()
    expect(page.get_by_role("heading", name="Imports")).to_be_visible()
    assert [url for url in asked if not url.startswith((site.url, "data:"))] == []
