"""The response headers that OWASP lists, on every response of every address."""

import uuid
from collections.abc import Callable, Mapping

import pytest
from flask import Flask

from api.protection import Protected
from tests.addresses import addresses_of
from tests.calling import make_api

# https://owasp.org/www-project-secure-headers/, but for what belongs to pages alone.
EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FORBIDDEN = ("Server", "X-Powered-By", "X-XSS-Protection")
ODD = ["/nope", "/movies/1", "/%FF", "/movies?titel=x", "/ui/static/x/y"]
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "DELETE")


def paths_of(app: Flask) -> list[str]:
    made = addresses_of(app, movie=uuid.uuid4(), import_=uuid.uuid4())
    return [*dict.fromkeys(address.path for address in made), *ODD]


def check(headers: Mapping[str, str], where: object) -> None:
    found = {name: headers.get(name) for name in EXPECTED}
    assert found == EXPECTED, where
    policy = headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "frame-ancestors 'none'"):
        assert directive in policy.split("; "), where
    assert "camera=()" in headers["Permissions-Policy"]
    assert [name for name in FORBIDDEN if name in headers] == [], where


@pytest.mark.parametrize("visibility", ["public", "operators", "off"])
def test_every_response_of_every_address_has_them_once(visibility: str) -> None:
    app = make_api(MRU_IMPORTS_VISIBILITY=visibility)
    client = app.test_client()
    paths = paths_of(app)
    assert len(paths) > 20
    for path in paths:
        for method in METHODS:
            answer = client.open(path, method=method)
            check(answer.headers, (method, path))
            for name in (*EXPECTED, "Content-Security-Policy"):
                assert len(answer.headers.getlist(name)) == 1, (method, path, name)
            assert "Strict-Transport-Security" not in answer.headers, (method, path)


def test_only_who_came_by_https_is_told_to_come_by_it_for_a_year() -> None:
    app = make_api()
    client = app.test_client()
    for path in paths_of(app):
        for given in ({"headers": {"X-Forwarded-Proto": "https"}}, {"base_url": "https://x"}):
            answer = client.get(path, **given)
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", path
    answer = client.get("/", headers={"X-Forwarded-Proto": "http"})
    assert "Strict-Transport-Security" not in answer.headers


def test_crawlers_are_kept_from_searches_imports_and_the_api() -> None:
    answer = make_api().test_client().get("/robots.txt")
    assert answer.content_type == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0] == "User-agent: *"
    for path in ("/ui/", "/imports", "/movies", "/suggest", "/*?"):
        assert f"Disallow: {path}" in lines


def test_a_304_leaves_the_policy_of_the_page_that_a_browser_has() -> None:
    """A browser gives its stored response the headers of a 304."""

    def unchanged(_: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("304 NOT MODIFIED", [("ETag", '"1"')])
        return []

    def headers_of(application: object) -> list[str]:
        seen: list[str] = []
        Protected(application)(
            {"wsgi.url_scheme": "http"}, lambda _, headers: seen.extend(name for name, _ in headers)
        )
        return seen

    assert "Content-Security-Policy" not in headers_of(unchanged)
    assert "X-Content-Type-Options" in headers_of(unchanged)
