"""The API's document, for programs and for people; neither needs another server."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from tests.calling import make_api


@pytest.fixture
def client() -> FlaskClient:
    return make_api().test_client()


class References(HTMLParser):
    """Collects what a page loads, and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attributes if name in ("src", "href")]


def test_the_page_loads_nothing_but_what_is_served_here(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    references = References(page.text).found
    assert len(references) == 5
    for reference in references:
        assert client.get(urljoin("/docs", reference)).status_code == 200, reference
        # So that it works under any path that a proxy may put before it.
        assert not reference.startswith(("/", "http"))


def test_the_page_shows_the_apis_own_document_and_asks_no_validator(client: FlaskClient) -> None:
    script = client.get("/docs/start.js").text
    (address,) = re.findall(r'url: "(.*)"', script)
    assert client.get(urljoin("/docs", address)).get_json()["openapi"].startswith("3.")
    assert "validatorUrl: null" in script
    assert "SwaggerUIBundle" in client.get("/docs/swagger-ui-bundle.js").text
    assert "//" not in script.partition("\n")[2]


def test_the_browser_is_forbidden_to_ask_anybody_else(client: FlaskClient) -> None:
    policy = client.get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css"])
def test_what_the_browser_has_is_not_sent_again(client: FlaskClient, path: str) -> None:
    tag = client.get(path).headers["ETag"]
    answer = client.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert client.get(path, headers={"If-None-Match": 'W/"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/index.html", "/docs/LICENSE", "/docs/..%2Fdocs.py", "/docs/a/b"]
)
def test_nothing_else_is_served_beside_the_page(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
