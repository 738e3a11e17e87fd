"""A request has a connection to the database for as long as it reads, and no longer."""

from typing import Any

import pytest
from flask import Flask, Response

from api.answers import Content
from api.pages import rendering
from api.services import services
from local.database import Dsns
from tests.calling import make_api
from tests.rows import make_movie


@pytest.fixture
def app(database: Dsns) -> Flask:
    make_movie(database.admin)
    return make_api(database.api)


@pytest.mark.parametrize("path", ["/movies", "/movies/facets", "/suggest?term=trea"])
def test_json_is_written_when_the_connection_has_been_given_back(
    app: Flask, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use: list[int] = []
    write = Content.write

    def watch(content: Content) -> Response:
        in_use.append(connections_in_use())
        return write(content)

    monkeypatch.setattr(Content, "write", watch)
    assert app.test_client().get(path).status_code == 200
    assert in_use == [0]


@pytest.mark.parametrize("path", ["/", "/ui/search?title=treasure", "/ui/facets"])
def test_a_page_is_written_when_the_connection_has_been_given_back(
    app: Flask, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use: list[int] = []
    show = rendering.show

    def watch(*values: Any) -> Response:
        in_use.append(connections_in_use())
        return show(*values)

    monkeypatch.setattr(rendering, "show", watch)
    assert app.test_client().get(path).status_code == 200
    assert in_use == [0]


def connections_in_use() -> int:
    status = services().database._pool().pool.status()
    return int(status.partition("Current Checked out connections: ")[2])
