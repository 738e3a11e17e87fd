"""Requests from bytes: however they are split, and whatever stands in them."""

import contextlib
import time
from collections.abc import Iterable
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import (
    InvalidHeader,
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.http.message import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, LengthRequired, RequestEntityTooLarge

from api import gunicorn_conf
from api.errors import ApiError, UnsignedError
from api.serving.request import Inbox
from schemas.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER

CLIENT = ("192.0.2.1", 50_000)
GET = b"GET /movies?title=heat HTTP/1.1\r\nHost: api\r\n\r\n"
KIB = 1024


def make_inbox() -> Inbox:
    configuration = Config()
    configuration.set("limit_request_line", gunicorn_conf.limit_request_line)
    return Inbox(configuration, CLIENT)


def make_request(
    method: str = "GET",
    path: str = "/movies",
    body: bytes = b"",
    version: str = "1.1",
    **headers: str,
) -> bytes:
    """Writes a request; underscores in the names of `headers` are hyphens."""
    lines = [f"{method} {path} HTTP/{version}", "Host: api"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def signed(*, age: int = 0) -> dict[str, str]:
    """Returns headers that are as good as signed ones while the body is not there."""
    return {TIMESTAMP_HEADER: str(int(time.time()) - age), SIGNATURE_HEADER: "v1=" + "0" * 64}


def read(inbox: Inbox, pieces: Iterable[bytes]) -> list[Request]:
    """Feeds pieces one after another, and returns the requests that were taken."""
    taken = []
    for piece in pieces:
        inbox.feed(piece)
        while (request := inbox.take()) is not None:
            taken.append(request)
    return taken


def one(data: bytes) -> Request:
    (request,) = read(make_inbox(), [data])
    return request


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def said(request: Request) -> tuple[Any, ...]:
    return (request.method, request.uri, request.version, request.headers, request.body.read())


def rejected(data: bytes) -> type[Exception]:
    """Returns the error by which bytes are rejected, which is the same however they are split."""
    errors = set()
    for pieces in ([data], bytewise(data)):
        with pytest.raises((ParseException, ApiError, HTTPException)) as caught:
            read(make_inbox(), pieces)
        errors.add(caught.type)
    assert len(errors) == 1, errors
    return errors.pop()


# Heads.


def test_a_head_may_come_byte_by_byte() -> None:
    inbox = make_inbox()
    *all_but_one, last = bytewise(GET)
    assert read(inbox, all_but_one) == []
    (request,) = read(inbox, [last])
    assert (request.method, request.path, request.query) == ("GET", "/movies", "title=heat")
    assert dict(request.headers) == {"HOST": "api"}
    assert len(inbox) == 0


def test_several_requests_may_come_in_one_piece() -> None:
    paths = [request.path for request in read(make_inbox(), [GET + make_request(path="/a") + GET])]
    assert paths == ["/movies", "/a", "/movies"]


def test_a_request_behind_another_waits_until_it_is_asked_for() -> None:
    inbox = make_inbox()
    inbox.feed(GET + GET[:10])
    assert inbox.take() is not None
    assert (inbox.take(), len(inbox)) == (None, 10)


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_empty_lines_before_a_request_are_ignored_however_they_come(lines: int) -> None:
    data = b"\r\n" * lines + GET
    for pieces in ([data], bytewise(data)):
        (request,) = read(make_inbox(), pieces)
        assert request.path == "/movies"


def test_empty_lines_alone_are_not_kept() -> None:
    inbox = make_inbox()
    assert read(inbox, [b"\r\n" * 1000]) == []
    assert len(inbox) == 0


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"GET /movies HTTP/1.1\nHost: api\n\n", InvalidRequestLine),
        (b"GET /movies HTTP/1.1\n", InvalidRequestLine),
        (b"\nGET /movies HTTP/1.1\r\n\r\n", InvalidRequestLine),
        (b"GET /movies HTTP/1.1\r\nHost: api\n", InvalidHeader),
        (b"GET /movies HTTP/1.1\r\nHost: api\n\n", InvalidHeader),
        (b"GET /movies HTTP/1.1\r\nHost: api\nX: y\r\n\r\n", InvalidHeader),
    ],
)
def test_a_bare_line_feed_is_rejected_at_once(data: bytes, error: type[Exception]) -> None:
    assert rejected(data) is error


def test_a_request_line_as_long_as_allowed_is_read() -> None:
    spaces = len("GET  HTTP/1.1")
    path = "/" + "x" * (gunicorn_conf.limit_request_line - spaces - 1)
    for pieces in ([make_request(path=path)], bytewise(make_request(path=path))):
        (request,) = read(make_inbox(), pieces)
        assert request.path == path
    assert rejected(make_request(path=path + "x")) is LimitRequestLine


def test_an_endless_request_line_is_rejected_before_it_ends() -> None:
    assert rejected(b"GET /" + b"x" * gunicorn_conf.limit_request_line) is LimitRequestLine


def test_an_endless_head_is_rejected_before_it_ends() -> None:
    endless = b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 65 * KIB
    assert rejected(endless) is LimitRequestHeaders


def test_a_head_that_is_too_long_is_rejected_even_when_it_comes_at_once() -> None:
    lines = {f"X-{number}": "x" * 8000 for number in range(9)}
    assert rejected(make_request(**lines)) is LimitRequestHeaders
    assert one(make_request(**dict(list(lines.items())[:8]))).path == "/movies"


def test_there_are_no_more_than_a_hundred_headers() -> None:
    many = {f"X-{number}": "x" for number in range(101)}
    assert rejected(make_request(**many)) is LimitRequestHeaders


def test_only_since_http_1_1_a_connection_is_kept_unasked() -> None:
    old, new = one(make_request(version="1.0")), one(make_request(version="1.1"))
    assert (old.should_close(), new.should_close()) == (True, False)
    assert (old.body.read(), new.body.read()) == (b"", b"")


def test_a_request_for_a_head_is_one_without_a_body() -> None:
    requests = read(make_inbox(), [make_request("HEAD") + GET])
    assert [request.method for request in requests] == ["HEAD", "GET"]


# Bodies.


def test_a_body_may_come_in_pieces_and_the_next_request_behind_it() -> None:
    inbox = make_inbox()
    post = make_request("POST", "/x", Content_Length="10")
    assert read(inbox, [post + b"01234"]) == []
    assert inbox.missing == 5
    first, second = read(inbox, [b"56789" + GET])
    assert first.body.read() == b"0123456789"
    assert second.path == "/movies"
    assert inbox.missing == 0


def test_a_body_that_looks_like_a_request_is_none() -> None:
    post = make_request("POST", "/x", GET, Content_Length=str(len(GET)))
    (request,) = read(make_inbox(), bytewise(post))
    assert request.body.read() == GET


@pytest.mark.parametrize(
    "length", ["-1", "+1", "1_0", "0x1", "1.0", "1, 1", "", "\xb2", "\xbd", "one", "9" * 5000]
)
def test_what_is_no_length_is_rejected(length: str) -> None:
    assert rejected(make_request("POST", "/x", Content_Length=length)) is InvalidHeader


def test_two_lengths_are_rejected() -> None:
    twice = b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"
    assert rejected(twice) is InvalidHeader


def test_a_length_beside_chunks_is_rejected() -> None:
    both = make_request("POST", "/x", Content_Length="1", Transfer_Encoding="chunked")
    assert rejected(both) is InvalidHeader


def test_a_length_may_have_zeros_before_it() -> None:
    post = make_request("POST", "/x", b"0123456789", Content_Length="0010")
    assert one(post).body.read() == b"0123456789"


# Rejected by their heads.


@pytest.mark.parametrize(
    ("path", "longest"),
    [
        ("/notifications", 64 * KIB),
        ("/movies", KIB * KIB),
        ("/x", 64 * KIB),
        ("/suggest", 64 * KIB),
    ],
)
def test_a_body_has_a_bound_by_its_path(path: str, longest: int) -> None:
    inbox = make_inbox()
    assert read(inbox, [make_request("POST", path, Content_Length=str(longest), **signed())]) == []
    assert inbox.missing == longest
    longer = make_request("POST", path, Content_Length=str(longest + 1), **signed())
    assert rejected(longer) is RequestEntityTooLarge


def test_the_bound_is_of_all_methods() -> None:
    assert rejected(make_request("GET", "/x", Content_Length="70000")) is RequestEntityTooLarge


@pytest.mark.parametrize(
    "path",
    [
        "/notifications",
        "/%6eotifications",
        "/n%6Ftifications",
        "//notifications",
        "/%2Fnotifications",
        "/notifications?a=b",
        "http://api/notifications",
    ],
)
def test_every_spelling_of_notifications_is_rejected_unsigned(path: str) -> None:
    assert rejected(make_request("POST", path, Content_Length="10")) is UnsignedError


@pytest.mark.parametrize(
    "headers",
    [
        {TIMESTAMP_HEADER: "1"},
        {TIMESTAMP_HEADER: "soon"},
        {TIMESTAMP_HEADER: "\xb2"},
        {TIMESTAMP_HEADER: "9" * 13},
        {TIMESTAMP_HEADER: ""},
        {SIGNATURE_HEADER: ""},
        {SIGNATURE_HEADER: "v1=" + "0" * 63},
        {SIGNATURE_HEADER: "v2=" + "0" * 64},
        {SIGNATURE_HEADER: "v1=" + "g" * 64},
    ],
)
def test_a_signature_without_a_chance_is_rejected(headers: dict[str, str]) -> None:
    post = make_request("POST", "/notifications", Content_Length="10", **signed() | headers)
    assert rejected(post) is UnsignedError


@pytest.mark.parametrize("age", [301, -305])
def test_a_signature_of_another_time_is_rejected(age: int) -> None:
    post = make_request("POST", "/notifications", Content_Length="10", **signed(age=age))
    assert rejected(post) is UnsignedError


def test_an_unsigned_notification_is_rejected_as_that_whatever_its_length() -> None:
    for length in ({}, {"Transfer-Encoding": "chunked"}, {"Content-Length": "70000"}):
        assert rejected(make_request("POST", "/notifications", **length)) is UnsignedError


def test_a_notification_needs_a_length() -> None:
    assert rejected(make_request("POST", "/notifications", **signed())) is LengthRequired
    chunked = make_request("POST", "/notifications", Transfer_Encoding="chunked", **signed())
    assert rejected(chunked) is LengthRequired


def test_what_is_no_post_to_notifications_needs_no_signature() -> None:
    for method, path in (("GET", "/notifications"), ("POST", "/notifications/x"), ("POST", "/x")):
        assert one(make_request(method, path)).method == method


@pytest.mark.parametrize("path", ["/movies", "/x", "/notifications/"])
def test_chunks_are_rejected_everywhere(path: str) -> None:
    assert rejected(make_request("POST", path, Transfer_Encoding="chunked")) is LengthRequired


# Expect: 100-continue.

EXPECTING = make_request("POST", "/x", Content_Length="2", Expect="100-continue")


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked_once() -> None:
    inbox = make_inbox()
    assert read(inbox, [EXPECTING]) == []
    assert [inbox.awaits_continue(), inbox.awaits_continue()] == [True, False]
    (request,) = read(inbox, [b"{}"])
    assert not request._expected_100_continue  # gunicorn would ask as well


def test_a_client_that_sent_its_body_unasked_is_not_asked_for_it() -> None:
    assert not one(EXPECTING + b"{}")._expected_100_continue


def test_a_client_without_expectations_is_not_asked() -> None:
    inbox = make_inbox()
    read(inbox, [make_request("POST", "/x", Content_Length="2")])
    assert not inbox.awaits_continue()


def test_each_request_is_asked_for_by_itself() -> None:
    inbox = make_inbox()
    read(inbox, [EXPECTING + b"{}" + EXPECTING])
    assert inbox.awaits_continue()


def test_http_1_0_knows_no_expectations() -> None:
    inbox = make_inbox()
    old = make_request("POST", "/x", version="1.0", Content_Length="2", Expect="100-continue")
    read(inbox, [old])
    assert not inbox.awaits_continue()


# The head by which a rejection is counted.


def test_the_head_is_of_the_present_request_alone() -> None:
    inbox = make_inbox()
    assert len(read(inbox, [GET])) == 1
    assert read(inbox, [b"POST /notif"]) == []
    assert inbox.head is None
    inbox = make_inbox()
    inbox.feed(make_request("POST", "/x", Content_Length="70000"))
    with pytest.raises(RequestEntityTooLarge):
        inbox.take()
    assert inbox.head is not None
    assert (inbox.head.method, inbox.head.path) == ("POST", "/x")


# Any stream, split anyhow.

names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True).map("X-{}".format)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)
paths = st.from_regex(r"/[a-z0-9%/._~-]{0,20}", fullmatch=True)
requests = st.builds(
    lambda blank, method, path, headers, body: (
        b"\r\n" * blank
        + make_request(method, "/x" + path, body, **headers, **{"Content-Length": str(len(body))})
    ),
    st.integers(0, 3),
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]),
    paths,
    st.dictionaries(names, values, max_size=5),
    st.binary(max_size=200) | st.sampled_from([GET, b"\r\n\r\n", b"\n"]),
)


@settings(deadline=None)
@given(st.data(), st.lists(requests, min_size=1, max_size=4))
def test_any_split_of_a_stream_gives_the_same_requests(
    data: st.DataObject, streamed: list[bytes]
) -> None:
    stream = b"".join(streamed)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = [said(request) for request in read(make_inbox(), [stream])]
    assert len(whole) == len(streamed)
    assert [said(request) for request in read(make_inbox(), pieces)] == whole
    assert [said(request) for request in read(make_inbox(), bytewise(stream))] == whole


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([GET, b"\r\n", b"\n", b"GET / "])))
def test_whatever_is_sent_is_read_or_rejected(pieces: list[bytes]) -> None:
    # What else is raised would end the process.
    with contextlib.suppress(ParseException, ApiError, HTTPException):
        read(make_inbox(), pieces)
