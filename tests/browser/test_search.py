"""The search in a real browser: by typing, by clicking, by address, and without JavaScript."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import Visit
from tests.browser.site import Site

Begin = Callable[..., Visit]


def titles(page: Page) -> list[str]:
    return page.locator(".card h3").all_inner_texts()


def years(page: Page) -> set[int]:
    return {int(year) for year in page.locator(".card .year").all_inner_texts()}


def field(page: Page, label: str) -> Locator:
    return page.locator("form").get_by_label(label, exact=True)


def settle(page: Page) -> None:
    """Waits until everything that was asked for is there."""
    expect(page.locator(".htmx-request")).to_have_count(0)


def genre(page: Page, name: str) -> None:
    settle(page)
    page.get_by_role("region", name="Genres").get_by_role("link", name=name).first.click()


def test_typing_finds_both_films_of_1915_that_are_called_carmen(
    large_site: Site, visit: Begin
) -> None:
    page = visit().page
    page.goto(large_site.url)
    field(page, "Title").press_sequentially("carmen")
    carmens = page.locator(".card").filter(has=page.get_by_text("1915", exact=True))
    expect(carmens.filter(has_text="Theda Bara")).to_have_count(1)
    expect(carmens.filter(has_text="Geraldine Farrar")).to_have_count(1)
    expect(page.locator(".card mark").first).to_have_text(re.compile("carmen", re.IGNORECASE))
    expect(page).to_have_url(f"{large_site.url}/?title=carmen")
    expect(page).to_have_title("carmen · Movies-r-us")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\s*\d+ films\s*$"))
    expect(field(page, "Title")).to_be_focused()


def test_the_years_and_genres_follow_what_is_typed(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(site.url)
    field(page, "Title").press_sequentially("carmen")
    genres = page.get_by_role("region", name="Genres").get_by_role("link")
    expect(genres).to_have_count(2)
    assert [text.split() for text in genres.all_inner_texts()] == [["Drama", "2"], ["Romance", "2"]]


def test_a_decade_and_a_genre_narrow_and_can_be_taken_back(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(site.url)
    page.get_by_role("link", name="1970s: 25 films").click()
    expect(page).to_have_url(f"{site.url}/?year_from=1970&year_to=1979")
    expect(page.get_by_role("status")).to_have_text(re.compile("25 films"))
    assert all(1970 <= year <= 1979 for year in years(page))
    genre(page, "Comedy")
    expect(page).to_have_url(re.compile(r"year_from=1970&year_to=1979&genre=Comedy$"))
    cards = page.locator(".card")
    tagged = cards.filter(has=page.get_by_role("link", name="Comedy", exact=True))
    assert 0 < cards.count() == tagged.count() < 20
    page.get_by_role("link", name="Remove Years 1970 to 1979").click()
    expect(page).to_have_url(f"{site.url}/?genre=Comedy")
    genre(page, "Without Comedy")
    expect(page).to_have_url(f"{site.url}/")


def test_a_decade_shows_its_years_and_a_year_leads_to_its_films(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(f"{site.url}/?year_from=1990&year_to=1999")
    page.get_by_role("region", name="Years").get_by_role("link", name="1994: ").click()
    expect(page).to_have_url(f"{site.url}/?year_from=1994&year_to=1994")
    assert years(page) == {1994}


def test_back_and_reload_keep_what_was_asked_and_found(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(site.url)
    field(page, "Actor").press_sequentially("bob")
    expect(page).to_have_url(f"{site.url}/?actor=bob")
    found = titles(page)
    genre(page, "Drama")
    expect(page).to_have_url(f"{site.url}/?actor=bob&genre=Drama")
    narrowed = titles(page)
    assert 0 < len(narrowed) < len(found)
    page.go_back()
    expect(page).to_have_url(f"{site.url}/?actor=bob")
    expect(page.locator(".card")).to_have_count(len(found))
    expect(field(page, "Actor")).to_have_value("bob")
    assert titles(page) == found
    page.reload()
    expect(field(page, "Actor")).to_have_value("bob")
    assert titles(page) == found
    page.go_forward()
    expect(field(page, "Genre")).to_have_value("Drama")
    assert titles(page) == narrowed


def test_changing_the_order_and_the_years_needs_no_button(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(site.url)
    field(page, "Order").select_option("Title, A to Z")
    expect(page).to_have_url(f"{site.url}/?sort=title")
    field(page, "From").fill("2001")
    field(page, "To").fill("2003")
    field(page, "To").press("Enter")
    expect(page).to_have_url(re.compile("year_from=2001&year_to=2003&sort=title"))
    expect(page.locator(".card .year").filter(has_not_text=re.compile("200[123]"))).to_have_count(0)
    assert titles(page) == sorted(titles(page), key=str.casefold)


def test_pages_lead_on_and_back(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(f"{site.url}/?genre=drama&sort=title")
    first = titles(page)
    assert len(first) == 20
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("cursor="))
    assert not set(titles(page)) & set(first)
    page.get_by_role("link", name="Previous").click()
    expect(page.locator(".card h3").first).to_have_text(first[0])
    assert titles(page) == first


def test_accents_do_not_matter_and_are_marked(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(f"{site.url}/?title=CLEO")
    expect(page.locator(".card mark")).to_have_text("Cléo")


def test_without_javascript_the_form_the_links_and_the_pages_work(site: Site, visit: Begin) -> None:
    page = visit(java_script_enabled=False).page
    page.goto(site.url)
    field(page, "Title").fill("the")
    field(page, "To").fill("1979")
    page.get_by_role("button", name="Search").click()
    expect(field(page, "Title")).to_have_value("the")
    assert titles(page)
    assert max(years(page)) <= 1979
    page.get_by_role("region", name="Years").get_by_role("link", name="1960s: ").click()
    assert {year // 10 for year in years(page)} == {196}
    genre(page, "Drama")
    assert titles(page)
    page.get_by_role("link", name="Clear all").click()
    page.get_by_role("link", name="Next").click()
    assert len(titles(page)) == 20


def test_where_nothing_is_found_something_is_suggested(site: Site, visit: Begin) -> None:
    page = visit().page
    page.goto(site.url)
    field(page, "Title").press_sequentially("bob hoskins")
    expect(page.get_by_text("Nothing meets all of this.")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text(re.compile("0 films"))
    settle(page)
    page.get_by_role("link", name="actor Bob Hoskins").click()
    expect(page).to_have_url(f"{site.url}/?actor=Bob%20Hoskins")
    assert titles(page)


def test_what_cannot_be_asked_is_said_at_once_and_forgotten_when_it_can(
    site: Site, visit: Begin
) -> None:
    begun = visit()
    page = begun.page
    page.goto(site.url)
    field(page, "From").fill("2010")
    field(page, "To").fill("1990")
    field(page, "To").press("Tab")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("To Must not be before “From”.")
    field(page, "To").fill("2011")
    field(page, "To").press("Tab")
    expect(alert).to_be_empty()
    expect(page.locator(".card").first).to_be_visible()
    # The browser itself notes each answer that is an error; nothing else may have gone wrong.
    assert all("422" in complaint for complaint in begun.complaints)
    begun.complaints.clear()


def test_a_server_that_does_not_answer_is_told_of(site: Site, visit: Begin) -> None:
    begun = visit()
    page = begun.page
    page.goto(site.url)
    page.route("**/ui/search?*", lambda route: route.abort())
    field(page, "Title").press_sequentially("x")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    begun.complaints.clear()  # the browser notes it too


def test_everything_can_be_reached_by_keyboard_and_the_focus_is_seen(
    site: Site, visit: Begin
) -> None:
    page = visit().page
    page.goto(site.url)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(field(page, "Title")).to_be_focused()
    outline = (
        "element => getComputedStyle(element).boxShadow + getComputedStyle(element).outlineStyle"
    )
    unfocused = field(page, "Actor").evaluate(outline)
    assert field(page, "Title").evaluate(outline) != unfocused
