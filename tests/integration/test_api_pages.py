"""The pages over a real Postgres, asked without a browser, as a reader without JavaScript does."""

import re
import uuid
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import psycopg2
import pytest
from flask.testing import FlaskClient

from local.database import Dsns
from tests.calling import make_api
from tests.rows import make_alias, make_bad_record, make_import, make_movies

MOVIES: list[dict[str, Any]] = [
    {"title": "National Treasure", "year": 2004, "cast": ["Nicolas Cage"], "genres": ["Adventure"]},
    {"title": "Carmen", "year": 1915, "cast": ["Theda Bara"], "genres": ["Drama", "Silent"]},
    {"title": "Carmen", "year": 1915, "cast": ["Geraldine Farrar"], "genres": ["Drama"]},
    {"title": "Carmen Jones", "year": 1954, "cast": ["Pearl Bailey"], "genres": ["Drama"]},
    {"title": "Amélie <3", "year": 2001, "cast": ["Audrey Tautou"], "genres": []},
]
PATHS = ["/", "/?title=carmen", "/ui/search?title=carmen", "/ui/facets"]


@pytest.fixture
def client(database: Dsns) -> FlaskClient:
    make_movies(database.admin, MOVIES)
    return make_api(database.api).test_client()


class Page(HTMLParser):
    """Collects of a page its links, its marked texts, the titles of its films, and its alert."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.texts: dict[str, list[str]] = {"mark": [], "h3": [], "alert": [], "style": []}
        self._open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        if "href" in known:
            self.links.append(known["href"] or "")
        if "style" in known or tag == "style":
            self.texts["style"].append(tag)
        name = "alert" if known.get("role") == "alert" else tag
        if name in self.texts:
            self.texts[name].append("")
            self._open.append((tag, name))
        elif tag == "div":
            self._open.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for _, name in self._open:
            if name:
                self.texts[name][-1] += data


def page_of(client: FlaskClient, address: str, *, status: int = 200) -> Page:
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "text/html; charset=utf-8"
    return Page(answer.text)


def titles(client: FlaskClient, address: str) -> list[str]:
    return [title.strip() for title in page_of(client, address).texts["h3"]]


@pytest.mark.parametrize(
    "query",
    ["title=carmen", "actor=ba", "genre=drama&year_to=1920", "title=%3C", "sort=title", "limit=2"],
)
def test_a_page_has_the_films_of_the_api_in_its_order(client: FlaskClient, query: str) -> None:
    found = [movie["title"] for movie in client.get(f"/movies?{query}").get_json()]
    assert titles(client, f"/?{query}") == found != []
    assert titles(client, f"/ui/search?{query}") == found


def test_what_a_form_leaves_empty_is_no_filter(client: FlaskClient) -> None:
    query = "title=carmen&actor=&genre=&year_from=&year_to=1920&sort="
    assert titles(client, f"/?{query}") == ["Carmen", "Carmen"]
    answer = client.get(f"/ui/search?{query}")
    assert answer.headers["HX-Replace-Url"] == "./?title=carmen&year_to=1920"
    assert client.get("/ui/search?title=").headers["HX-Replace-Url"] == "./"


def test_what_was_found_is_marked_whatever_its_case_and_accents(client: FlaskClient) -> None:
    for query, marked in {
        "title=ARM": ["arm", "arm", "arm"],
        "title=amelie": ["Amélie"],
        "title=lie%20%3C": ["lie <"],
        "actor=bara": ["Bara"],
        "genre=sil": ["Sil"],
        "title=a&title=men&genre=silent": ["a", "men", "Silent"],
    }.items():
        assert page_of(client, f"/?{query}").texts["mark"] == marked, query


def test_every_link_of_a_page_leads_somewhere(client: FlaskClient) -> None:
    addresses = ["/", "/?title=carmen&genre=drama&limit=1", "/ui/imports", "/?title=nobody"]
    for address in addresses:
        for link in set(page_of(client, address).links) - {"", "#main"}:
            # So that pages work under any path that a proxy may put before them.
            assert not link.startswith(("/", "http")), link
            assert client.get(urljoin(address, link)).status_code == 200, link


def test_pages_of_films_lead_to_all_of_them_once(client: FlaskClient) -> None:
    address, seen = "/?limit=2&sort=title", []
    while address:
        page = page_of(client, address)
        seen += [title.strip() for title in page.texts["h3"]]
        cursors = [link for link in page.links if "cursor=" in link]
        address = urljoin("/", cursors[-1]) if len(seen) < len(MOVIES) else ""
    assert sorted(seen) == sorted(movie["title"] for movie in MOVIES)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/?titel=x", "titel Unknown parameter. Did you mean title?"),
        ("/?year_from=x", "From Must be a whole number."),
        ("/?year_from=2000&year_to=1990", "To Must not be before “From”."),
        ("/?title=%00", "Must not contain NUL"),
        ("/?title=%ff", "Must be UTF-8."),
        ("/?cursor=x", "Must be a cursor"),
        ("/?fields=id", "Unknown parameter."),
        ("/?year=1915&year=1916", "Must be given once."),
        ("/ui/imports?status=lost", "Status Must be one of"),
        ("/ui/imports?prefix=%00", "Must not contain NUL."),
        ("/ui/imports?title=x", "Unknown parameter."),
    ],
)
def test_a_wrong_address_is_a_page_that_says_what_is_wrong(
    client: FlaskClient, address: str, said: str
) -> None:
    page = page_of(client, address, status=422)
    assert said in " ".join(" ".join(page.texts["alert"]).split())


def test_what_was_asked_wrongly_can_be_corrected(client: FlaskClient) -> None:
    answer = client.get("/?title=car%22men&year_to=1")
    assert 'value="car&#34;men"' in answer.text
    assert re.search(r'id="year_to"[^>]*value="1" aria-invalid="true"', answer.text)


def test_what_nobody_knows_is_not_asked_again_by_the_form(client: FlaskClient) -> None:
    for address in ("/?titel=x&limit=3", "/ui/imports?titel=x&limit=3"):
        text = client.get(address).text
        assert 'type="hidden" name="limit"' in text
        assert 'name="titel"' not in text


def test_a_part_of_a_page_says_what_is_wrong_as_well(client: FlaskClient) -> None:
    answer = client.get("/ui/search?year_from=x")
    assert answer.status_code == 422
    assert "Must be a whole number." in answer.text
    assert "HX-Replace-Url" not in answer.headers
    for address in ("/ui/facets?year_from=x", "/ui/imports/list?status=x"):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["HX-Reswap"]) == (422, "none")


def test_without_a_database_a_page_says_so() -> None:
    client = make_api().test_client()
    for address in ("/", "/ui/search", "/ui/imports", f"/ui/imports/{uuid.uuid4()}"):
        answer = client.get(address)
        assert answer.status_code == 503
        assert "The database does not answer." in answer.text
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [*PATHS, "/ui/imports", "/?titel=x"])
def test_the_browser_may_run_and_load_what_is_ours_alone(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert not re.search("unsafe|http", policy)
    assert "Access-Control-Allow-Origin" not in answer.headers
    page = Page(answer.text)
    assert page.texts["style"] == []
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|hx-on|javascript:", answer.text)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_that_has_not_changed_is_not_sent_again(
    client: FlaskClient, database: Dsns, path: str
) -> None:
    tag = client.get(path).headers["ETag"]
    answer = client.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (304, b"")
    make_import(database.admin)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_the_list_of_imports_has_a_tag_and_the_page_with_its_plots_has_none(
    client: FlaskClient, database: Dsns
) -> None:
    make_import(database.admin)
    tag = client.get("/ui/imports/list").headers["ETag"]
    unchanged = client.get("/ui/imports/list", headers={"If-None-Match": tag})
    assert unchanged.status_code == 304
    whole = client.get("/ui/imports", headers={"If-None-Match": tag})
    assert (whole.status_code, whole.headers.get("ETag")) == (200, None)
    make_import(database.admin)
    assert client.get("/ui/imports/list", headers={"If-None-Match": tag}).status_code == 200


def test_files_are_kept_for_ever_under_an_address_of_their_own(client: FlaskClient) -> None:
    files = [link for link in page_of(client, "/").links if "static" in link]
    assert len(files) == 4
    for file in files:
        answer = client.get(urljoin("/", file))
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        old = re.sub("static/[0-9a-f]+/", "static/0123456789ab/", urljoin("/", file))
        assert client.get(old).headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize(
    "name", ["VENDORED.md", "nothing.css", "..%2Fviews.py", "pico.LICENSE.txt"]
)
def test_nothing_else_is_served_beside_them(client: FlaskClient, name: str) -> None:
    assert client.get(f"/ui/static/0123456789ab/{name}").status_code == 404


def test_imports_are_listed_with_what_became_of_them(database: Dsns, client: FlaskClient) -> None:
    make_import(database.admin, key="a<b>.json", read=1234, inserted=1230, rejected=4)
    made = make_import(database.admin, status="failed", error_code="empty", error="It is empty.")
    text = client.get("/ui/imports").text
    for shown in ("a&lt;b&gt;.json", "1,234", "1,230", "It is empty.", f"../ui/imports/{made}"):
        assert shown in text
    assert "every 1s" not in text
    make_import(database.admin, status="running", size=10, bytes_so_far=5)
    text = client.get("/ui/imports").text
    assert "every 1s" in text
    assert 'value="0.5"' in text


def test_imports_are_found_as_by_the_api(database: Dsns, client: FlaskClient) -> None:
    make_import(database.admin, key="in/a.json")
    make_import(database.admin, key="b.json", status="failed", error_code="empty")
    for query in ("status=failed", "prefix=in/", "status=&prefix=", "bucket=movies-r-us&limit=1"):
        asked = "&".join(part for part in query.split("&") if not part.endswith("="))
        found = [each["id"] for each in client.get(f"/imports?{asked}").get_json()]
        links = page_of(client, f"/ui/imports?{query}").links
        assert [link.rpartition("/")[2] for link in links if "imports/" in link] == found


def test_an_import_has_a_page_with_its_bad_records(database: Dsns, client: FlaskClient) -> None:
    made = make_import(
        database.admin,
        status="failed",
        error_code="bad_records",
        read=40,
        rejected=40,
        bad_records=30,
    )
    for position in range(1, 31):
        make_bad_record(database.admin, made, position, raw=f'{{"title": "<{position}>"}}')
    first = client.get(f"/ui/imports/{made}")
    assert "{&#34;title&#34;: &#34;&lt;20&gt;&#34;}" in first.text
    (following,) = {link for link in Page(first.text).links if "after=" in link}
    assert parse_qs(urlsplit(following).query) == {"after": ["20"]}
    second = client.get(urljoin(f"/ui/imports/{made}", following))
    assert "&lt;21&gt;" in second.text
    assert "&lt;20&gt;" not in second.text
    alone = client.get(f"/ui/imports/{made}/errors").text
    assert "&lt;10&gt;" in alone
    assert "&lt;11&gt;" not in alone


def test_an_import_is_found_by_its_other_name(database: Dsns, client: FlaskClient) -> None:
    made, alias = make_import(database.admin, key="known.json"), uuid.uuid4()
    make_alias(database.admin, alias, made)
    assert "known.json" in client.get(f"/ui/imports/{alias}").text


@pytest.mark.parametrize("name", [str(uuid.UUID(int=1)), "nothing"])
def test_an_import_that_is_not_there_is_a_page_too(client: FlaskClient, name: str) -> None:
    for address in (f"/ui/imports/{name}", f"/ui/imports/{name}/errors"):
        answer = client.get(address)
        assert (answer.status_code, answer.mimetype) == (404, "text/html")
        assert answer.headers["HX-Reswap"] == "none"


def test_what_nobody_foresaw_is_a_page_that_hides_the_inside(
    database: Dsns, client: FlaskClient
) -> None:
    connection = psycopg2.connect(database.admin)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE genres")
    connection.close()
    answer = client.get("/")
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "Something went wrong here." in answer.text
    assert answer.headers["X-Request-ID"] in answer.text
    assert "genres" not in answer.text.lower()


def test_a_page_only_reads(client: FlaskClient) -> None:
    for path in ("/", "/ui/imports"):
        answer = client.post(path)
        assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")


def test_where_there_are_no_films_yet_a_page_says_how_they_come(database: Dsns) -> None:
    client = make_api(database.api).test_client()
    assert "There are no films yet." in client.get("/").text
    assert "No file has come yet." in client.get("/ui/imports").text


@pytest.mark.parametrize("path", [*PATHS, "/?sort=title&limit=1"])
def test_crawlers_are_asked_not_to_follow_links_to_searches(client: FlaskClient, path: str) -> None:
    links = re.findall(r'<a [^>]*href="[^"]*\?[^"]*"[^>]*>', client.get(path).text)
    assert links
    for link in links:
        relations = re.search(r'rel="([^"]*)"', link)
        assert relations
        assert "nofollow" in relations[1].split(), link
