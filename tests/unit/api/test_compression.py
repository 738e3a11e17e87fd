"""Which answers are compressed, and for whom."""

import gzip

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from api.compression import compress

LONG = b'["' + b"x" * 2000 + b'"]'


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.after_request(compress)

    @app.get("/long/<path:content_type>")
    def long(content_type: str) -> Response:
        return Response(LONG, content_type=content_type)

    @app.get("/short")
    def short() -> Response:
        return Response(b"[" + b" " * 1022 + b"]", content_type="application/json")

    @app.get("/unchanged")
    def unchanged() -> Response:
        return Response(status=304)

    return app.test_client()


@pytest.mark.parametrize(
    "accepted",
    ["gzip", "GZIP", "gzip, deflate, br", "br;q=1.0, gzip;q=0.2", "*", "identity;q=0.5, gzip"],
)
def test_who_reads_gzip_gets_gzip(client: FlaskClient, accepted: str) -> None:
    answer = client.get("/long/application/json", headers={"Accept-Encoding": accepted})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert int(answer.headers["Content-Length"]) == len(answer.data) < len(LONG)
    assert gzip.decompress(answer.data) == LONG


@pytest.mark.parametrize(
    "accepted",
    [None, "", "br", "identity", "gzip;q=0", "*;q=0", "identity;q=1, gzip;q=0.5", "gzip;q=x", ",,"],
)
def test_who_does_not_gets_plain_text(client: FlaskClient, accepted: str | None) -> None:
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    answer = client.get("/long/application/json", headers=headers)
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.data == LONG


@pytest.mark.parametrize("kind", ["application/problem+json", "text/html; charset=utf-8"])
def test_other_texts_are_compressed_too(client: FlaskClient, kind: str) -> None:
    answer = client.get(f"/long/{kind}", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"


def test_pictures_and_short_answers_are_not(client: FlaskClient) -> None:
    for path in ("/long/image/png", "/short"):
        answer = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers


def test_head_tells_the_length_that_get_would_have(client: FlaskClient) -> None:
    headers = {"Accept-Encoding": "gzip"}
    path = "/long/application/json"
    got, head = client.get(path, headers=headers), client.head(path, headers=headers)
    assert head.data == b""
    for name in ("Content-Length", "Content-Encoding", "Vary"):
        assert head.headers[name] == got.headers[name]


def test_what_has_not_changed_varies_as_what_it_stands_for(client: FlaskClient) -> None:
    answer = client.get("/unchanged", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in answer.headers
