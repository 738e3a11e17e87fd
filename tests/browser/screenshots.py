"""Takes the pictures of the README: `python -m tests.browser.screenshots`.

The films are those of the samples, which are the project's own; the imports are made up, at fixed
distances from now.
"""

import dataclasses
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Visit, find_chromium, running_chromium
from tests.browser.site import ROOT, SAMPLES, Site, site_of_its_own
from tests.rows import make_bad_record, make_import

FOLDER: Final = ROOT / "docs" / "screenshots"
DESKTOP: Final = {"width": 1180, "height": 760}
TALL: Final = {"width": 1180, "height": 960}
PHONE: Final = {"width": 390, "height": 760}

BAD_RECORDS: Final = (
    (3, "year", "Must be a whole number.", '{"title": "Solaris", "year": "1972", "genres": []}'),
    (7, "title", "Missing data for required field.", '{"year": 1999, "cast": ["Uma Thurman"]}'),
    (
        8,
        "cast[1]",
        "Field may not be null.",
        '{"title": "Alien", "year": 1979, "cast": ["", null]}',
    ),
)


@dataclasses.dataclass(frozen=True)
class Shot:
    """A picture: of which page, in which window, and what is done before."""

    name: str
    address: str
    viewport: dict[str, int]
    colours: str
    prepare: Callable[[Page], None]


def open_failure(page: Page) -> None:
    """Opens the bad records of the failed import."""
    page.get_by_text("3 bad records").click()
    expect(page.locator(".bad-records li")).to_have_count(3)


def look(page: Page) -> None:
    """Takes the page as it is."""


SHOTS: Final = (
    Shot("search", "/?title=the&genre=Drama", DESKTOP, "light", look),
    Shot("search-dark", "/?actor=bob", DESKTOP, "dark", look),
    Shot("search-phone", "/?title=carmen", PHONE, "light", look),
    Shot("imports", "/ui/imports", TALL, "light", open_failure),
    Shot("imports-dark", "/ui/imports", TALL, "dark", open_failure),
    Shot("imports-phone", "/ui/imports", PHONE, "dark", look),
)


def make_imports(site: Site) -> None:
    """Writes a day of imports into the ledger."""
    dice = random.Random(7)  # the same each time
    for hour in range(2, 24):
        for _ in range(dice.randint(0, 5)):
            make_ended(site, minutes=60 * hour + dice.randint(0, 55), read=dice.randint(200, 4000))
    make_failed(site, minutes=60 * 9, error_code="truncated", error="The file ends too soon.")
    make_ended(site, minutes=24, key="archive/movies-2000s.json", read=2430, repeated=2)
    make_ended(site, minutes=12, key="archive/movies-2010s.json", read=2512, updated=9, stale=3)
    refused = make_failed(
        site,
        minutes=4,
        key="incoming/partner-export.json",
        error_code="bad_records",
        error="3 of 12 records are bad, so none was taken.",
        read=12,
        rejected=12,
        bad_records=3,
    )
    for position, field, message, raw in BAD_RECORDS:
        faults = [{"field": field, "message": message}]
        make_bad_record(site.dsn, refused, position, faults=faults, raw=raw)
    started = datetime.now(UTC) - timedelta(seconds=21)
    make_import(
        site.dsn,
        key="archive/everything.json.gz",
        status="running",
        started_at=started,
        size=212_400_000,
        bytes_so_far=131_100_000,
        records_so_far=612_000,
    )


def make_ended(site: Site, *, minutes: int, read: int, **columns: Any) -> None:
    """Writes an import that succeeded some minutes ago; what is not said is new."""
    other = sum(number for name, number in columns.items() if name != "key")
    key = columns.pop("key", f"incoming/daily-{minutes:04}.json")
    made = {"size": read * 560, "read": read, "inserted": read - other, **columns}
    make_import(site.dsn, key=key, **times(minutes, seconds=0.2 + read / 9000), **made)


def make_failed(site: Site, *, minutes: int, **columns: Any) -> Any:
    """Writes an import that failed some minutes ago."""
    made = {"key": "incoming/cut-short.json", "size": 812_000, **columns}
    return make_import(site.dsn, status="failed", **times(minutes, seconds=0.3), **made)


def times(minutes: int, *, seconds: float) -> dict[str, datetime]:
    """Returns when an import began and ended."""
    started = datetime.now(UTC) - timedelta(minutes=minutes)
    return {"started_at": started, "finished_at": started + timedelta(seconds=seconds)}


def take(browser: Browser, site: Site, shot: Shot) -> None:
    """Takes one picture."""
    visit = Visit(
        browser, viewport=shot.viewport, color_scheme=shot.colours, reduced_motion="reduce"
    )
    visit.page.goto(site.url + shot.address)
    shot.prepare(visit.page)
    visit.page.wait_for_function("document.fonts.status === 'loaded'")
    visit.page.mouse.move(0, 0)
    visit.page.screenshot(path=FOLDER / f"{shot.name}.png")
    visit.close()


def main() -> int:
    """Takes all of them."""
    program = find_chromium()
    if program is None:
        print("There is no Chromium here (Debian: apt-get install chromium).")
        return 2
    FOLDER.mkdir(exist_ok=True)
    with site_of_its_own([SAMPLES]) as site, running_chromium(program) as browser:
        make_imports(site)
        for shot in SHOTS:
            take(browser, site, shot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
