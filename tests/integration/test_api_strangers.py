"""Whatever a stranger may type: a problem that names the parameter, never 500, never everything."""

import uuid
from collections.abc import Iterator

import pytest

from local.database import Dsns
from schemas.search import Cursor, Direction, Sort, fingerprint
from tests.calling import api_environment
from tests.gunicorn import Gunicorn
from tests.rows import make_movie

ID = "871bdc5b-0f7a-57d0-b19a-1842927defdc"


@pytest.fixture
def gunicorn(database: Dsns) -> Iterator[Gunicorn]:
    make_movie(database.admin)
    with Gunicorn(api_environment(database.api, WEB_CONCURRENCY="1")) as running:
        yield running


def a_cursor(sort: Sort, key: str, **filters: list[str]) -> str:
    return Cursor(sort, Direction.NEXT, key, uuid.UUID(ID), fingerprint(filters)).encode()


REFUSED = {
    "titel=treasure": ["titel"],
    "TITLE=treasure": ["TITLE"],
    "title[]=treasure": ["title[]"],
    "title[0]=treasure": ["title[0]"],
    "q=treasure&offset=5": ["q", "offset"],
    "title=%00": ["title[0]"],
    "title=a&title=b%00": ["title[1]"],
    "genre=%00&actor=%00": ["actor[0]", "genre[0]"],
    "title=%ff%fe": ["title"],
    "actor=%c3%28": ["actor"],
    "genre=%ed%a0%80": ["genre"],
    "title=": ["title[0]"],
    "title=%20%09%0a": ["title[0]"],
    "title=" + "x" * 501: ["title[0]"],
    "actor=" + "x" * 7000: ["actor[0]"],
    "&".join(["title=a"] * 11): ["title"],
    "year=1e9": ["year"],
    "year=1000000000": ["year"],
    "year=" + "9" * 5000: ["year"],
    "year=%201999": ["year"],
    "year=1999%20": ["year"],
    "year=+1999": ["year"],
    "year=-1999": ["year"],
    "year=1999.0": ["year"],
    "year=0x7cf": ["year"],
    "year=1_999": ["year"],
    "year=%D9%A1%D9%A9%D9%A9%D9%A9": ["year"],
    "year=%EF%BC%91%EF%BC%99%EF%BC%99%EF%BC%99": ["year"],
    "year=NaN&year_from=null&year_to=true": ["year", "year_from", "year_to"],
    "year=1999&year=1999": ["year"],
    "year_from=2001&year_to=2000": ["year_to"],
    "limit=0": ["limit"],
    "limit=101": ["limit"],
    "limit=-5": ["limit"],
    "page=0": ["page"],
    "page=101": ["page"],
    "page=1000000000": ["page"],
    "sort=rating": ["sort"],
    "sort=title,year": ["sort"],
    "sort=": ["sort"],
    "count=exact": ["count"],
    "fields=": ["fields"],
    "fields=title_folded": ["fields"],
    "fields=*": ["fields"],
    "fields=title&fields=year": ["fields"],
    "cursor=": ["cursor"],
    "cursor=forged": ["cursor"],
    "cursor=%00": ["cursor"],
    "cursor=W10": ["cursor"],
    "cursor=" + "WyJ" * 2000: ["cursor"],
    "cursor=" + a_cursor(Sort.TITLE, "carmen"): ["cursor"],
    "cursor=" + a_cursor(Sort.NEWEST, "1915", title=["carmen"]): ["cursor"],
    "page=2&cursor=" + a_cursor(Sort.NEWEST, "1915"): ["page"],
}


def test_what_is_wrong_is_refused_and_every_parameter_at_fault_is_named(
    gunicorn: Gunicorn,
) -> None:
    for query, names in REFUSED.items():
        status, headers, problem = gunicorn.ask("GET", f"/movies?{query}")
        assert status == 422, query
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Cache-Control"] == "no-store"
        assert [fault["field"] for fault in problem["errors"]] == names, query
        assert all(fault["message"] for fault in problem["errors"])


FOUND_NOTHING = (
    *("title=%25", "title=_", "title=%5C", "title=%5C%25", "title=%27", "title=%22", "title=%60"),
    *("title=%27%20OR%201=1%20--", "title=%24%24", "title=%25s", "title=%25(title)s", "title=:a"),
    *("title={}", "title=%7B0%7D", "title=%3Cscript%3E", "title=..%2F..%2F", "title=%F0%9F%8E%AC"),
    *("actor=%25%25", "genre=%25", "genre=_", "title=" + "x" * 500, "actor=%E2%80%8B", "title=."),
    "cursor=" + a_cursor(Sort.NEWEST, "1870"),
    "sort=title&cursor=" + a_cursor(Sort.TITLE, "\U0010ffff" * 500),
)


def test_what_is_odd_but_allowed_means_itself(gunicorn: Gunicorn) -> None:
    for query in FOUND_NOTHING:
        status, _, movies = gunicorn.ask("GET", f"/movies?{query}")
        assert (status, movies) == (200, []), query


TOO_LONG = {
    "/movies?title=" + "x" * 10_000: 414,
    "/movies?" + "title=x&" * 2_000: 414,
    "/" + "x" * 10_000: 414,
}


def test_what_is_too_long_for_a_request_is_a_problem_too(gunicorn: Gunicorn) -> None:
    for address, wanted in TOO_LONG.items():
        status, headers, problem = gunicorn.ask("GET", address)
        assert (status, problem["status"]) == (wanted, wanted)
        assert headers["Content-Type"] == "application/problem+json"


def test_strange_headers_change_nothing(gunicorn: Gunicorn) -> None:
    strange = {
        "If-None-Match": ["*, W/", '"' * 500, "W/" * 1000, "\xe9", ", ".join(['"a"'] * 1000)],
        "Accept-Encoding": ["gzip;q=nan", "gzip;q=-1", "\xe9", ",".join(["br"] * 500), ";"],
        "Accept": ["text/html", "application/xml", "*/*;q=0", ";;;"],
        "X-Request-ID": ["\xe9", "x" * 2000, "a\tb"],
        "Range": ["bytes=0-1", "bytes=999-", "pages=1"],
        "If-Modified-Since": ["yesterday", "Tue, 24 Nov 2099 08:00:00 GMT"],
        "If-Match": ['"x"', "*"],
        "Cookie": ["a" * 4000, "=;=;=\xe9"],
        "Origin": ["null", "https://films.example", "\xe9"],
        "X-HTTP-Method-Override": ["DELETE"],
        "Host": ["films.example:99999", "a b"],
        "Content-Type": ["application/json; charset=\xe9"],
    }
    for name, values in strange.items():
        for value in values:
            status, _, movies = gunicorn.ask("GET", "/movies", headers={name: value})
            assert (status, len(movies)) == (200, 1), (name, value)
