"""The imports in a real browser: progress that moves, failures that open."""

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Visit
from tests.browser.site import Site
from tests.rows import make_bad_record, make_import

Begin = Callable[..., Visit]

RAW = '{"title": "Solaris", "year": "1972"}'


@pytest.fixture(autouse=True)
def _nothing_imported(site: Site) -> Iterator[None]:
    yield
    site.execute("TRUNCATE imports, import_errors")


def make_refused(site: Site, **columns: object) -> uuid.UUID:
    """A file of three records, of which one is bad."""
    made = make_import(
        site.dsn,
        key="refused.json",
        status="failed",
        error_code="bad_records",
        error="1 of 3 records is bad.",
        read=3,
        rejected=3,
        bad_records=1,
        **columns,
    )
    make_bad_record(site.dsn, made, 2, raw=RAW)
    return made


def test_the_bar_of_a_running_import_moves_until_it_ends(site: Site, visit: Begin) -> None:
    made = make_import(
        site.dsn, key="large.json", status="running", size=1000, bytes_so_far=250, records_so_far=5
    )
    page = visit().page
    page.goto(f"{site.url}/ui/imports")
    bar = page.get_by_role("progressbar", name="Progress of large.json")
    expect(bar).to_have_attribute("value", "0.25")
    site.execute(
        "UPDATE imports SET bytes_so_far = 750, records_so_far = 15 WHERE id = %s", (str(made),)
    )
    expect(bar).to_have_attribute("value", "0.75")
    expect(page.get_by_text("15 records")).to_be_visible()
    site.execute(
        "UPDATE imports SET status = 'succeeded', finished_at = now(), read = 20, inserted = 20"
        " WHERE id = %s",
        (str(made),),
    )
    expect(bar).to_have_count(0)
    expect(page.locator(".status")).to_have_text("Succeeded")
    expect(page.get_by_role("figure")).to_contain_text("20 records read")


def test_a_file_that_comes_is_listed_by_itself_and_until_then_nothing_is_touched(
    site: Site, visit: Begin
) -> None:
    make_refused(site)
    page = visit().page
    page.goto(f"{site.url}/ui/imports")
    page.evaluate("document.getElementById('ledger').dataset.touched = 'never'")
    with page.expect_response(f"{site.url}/ui/imports/list") as asked:
        pass
    assert asked.value.status == 304
    assert page.locator("#ledger").get_attribute("data-touched") == "never"
    make_import(site.dsn, key="new.json", read=20, inserted=20)
    expect(page.locator(".imports tbody").first).to_contain_text("new.json")
    expect(page.get_by_role("figure")).to_contain_text("23 records read")


def test_a_failure_opens_to_its_bad_records_and_stays_open_while_others_run(
    site: Site, visit: Begin
) -> None:
    make_refused(site)
    running = make_import(site.dsn, key="large.json", status="running", size=1000, bytes_so_far=250)
    page = visit().page
    page.goto(f"{site.url}/ui/imports")
    page.get_by_text("1 bad record", exact=True).click()
    expect(page.get_by_text(RAW)).to_be_visible()
    expect(page.get_by_text("Must be a whole number.")).to_be_visible()
    site.execute("UPDATE imports SET bytes_so_far = 750 WHERE id = %s", (str(running),))
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.75")
    expect(page.get_by_text(RAW)).to_be_visible()


def test_imports_are_filtered_while_one_types_and_the_address_says_so(
    site: Site, visit: Begin
) -> None:
    make_refused(site)
    make_import(site.dsn, key="incoming/a.json", read=3, inserted=3)
    page = visit().page
    page.goto(f"{site.url}/ui/imports")
    rows = page.locator(".imports tbody")
    expect(rows).to_have_count(2)
    page.get_by_label("Status").select_option("Failed")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("refused.json")
    expect(page).to_have_url(f"{site.url}/ui/imports?status=failed")
    page.get_by_label("File begins with").press_sequentially("inc")
    expect(page.get_by_text("No import is like this.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(2)


def test_without_javascript_a_failure_has_a_page_of_its_own(site: Site, visit: Begin) -> None:
    make_refused(site)
    page = visit(java_script_enabled=False).page
    page.goto(f"{site.url}/ui/imports")
    page.get_by_label("Status").select_option("Failed")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("1 bad record", exact=True).click()
    page.get_by_role("link", name="They are on a page of their own").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("refused.json")
    expect(page.get_by_text(RAW)).to_be_visible()
    page.get_by_role("link", name="← Imports").click()
    expect(page.locator(".imports tbody")).to_have_count(1)


def test_the_page_of_a_running_import_follows_it_to_its_end(site: Site, visit: Begin) -> None:
    made = make_import(site.dsn, status="running", size=1000, bytes_so_far=250)
    page = visit().page
    page.goto(f"{site.url}/ui/imports/{made}")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0.25")
    site.execute(
        "UPDATE imports SET status = 'failed', finished_at = now(), error_code = 'truncated',"
        " error = 'The file ends too soon.' WHERE id = %s",
        (str(made),),
    )
    expect(page.get_by_role("status")).to_have_text(re.compile(r"Failed\s+after"))
    expect(page.get_by_text("The file ends too soon.")).to_be_visible()


def test_the_last_day_is_plotted_and_can_be_read_as_a_table(site: Site, visit: Begin) -> None:
    make_refused(site)
    make_import(site.dsn, read=1200, inserted=1200)
    page = visit().page
    page.goto(f"{site.url}/ui/imports")
    figure = page.get_by_role("figure", name="The last 24 hours")
    expect(figure).to_contain_text("2 imports, 1 failed")
    expect(
        figure.get_by_role("img", name="Records read by the hour: at most 1,203")
    ).to_be_visible()
    figure.get_by_text("As a table").click()
    first = figure.get_by_role("row").nth(1)
    assert first.inner_text().split()[1:] == ["2", "1", "1,203"]
