"""What the port of the metrics answers, and whom it makes wait: nobody, however slow others are."""

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any

import pytest

from schemas.metrics import Bind
from schemas.metrics_server import serve
from tests.slow_clients import HALF_A_HEAD, probe, slow_clients, still_open

CONNECTIONS = 256


def metrics(_: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"mru 1\n"]


def start(application: Any = metrics, *, live: bool = True) -> int:
    listener = Bind("127.0.0.1", 0).listen()
    serve(listener, application, live=live)
    port: int = listener.getsockname()[1]
    return port


def ask(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def send(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_metrics_are_at_their_path_and_nothing_is_elsewhere() -> None:
    port = start()
    assert ask(port, "/metrics") == (200, b"mru 1\n")
    assert ask(port, "/metrics?name[]=mru") == (200, b"mru 1\n")
    assert ask(port, "/") == (404, b"Metrics are at /metrics.\n")


def test_liveness_is_answered_where_it_is_wanted_alone() -> None:
    assert probe(start()) < 1
    assert ask(start(live=False), "/health/live")[0] == 404


@pytest.mark.parametrize(
    "request_head",
    [
        b"hello",
        b"GET /metrics",
        b"GET /metrics SPDY/1.1",
        b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 200,
    ],
)
def test_what_is_no_http_is_rejected(request_head: bytes) -> None:
    port = start()
    assert send(port, request_head + b"\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert ask(port, "/metrics") == (200, b"mru 1\n")


def test_a_head_without_end_is_cut_off() -> None:
    port = start()
    with slow_clients(port, 1, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 40_000) as clients:
        assert still_open(clients, seconds=3) == 0
    assert probe(port) < 1


def test_an_error_of_the_metrics_is_500_and_the_next_scrape_is_served() -> None:
    failures = [ValueError("no such file")]

    def fail_once(environ: Any, start_response: Any) -> Iterable[bytes]:
        if failures:
            raise failures.pop()
        return metrics(environ, start_response)

    port = start(fail_once)
    assert ask(port, "/metrics") == (500, b"The log says why.\n")
    assert ask(port, "/metrics") == (200, b"mru 1\n")


def test_a_scrape_that_takes_long_keeps_no_probe_waiting() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def wait(environ: Any, start_response: Any) -> Iterable[bytes]:
        asked.set()
        assert go_on.wait(10)
        return metrics(environ, start_response)

    port = start(wait)
    with slow_clients(port, 1, b"GET /metrics HTTP/1.1\r\n\r\n") as (scrape,):
        assert asked.wait(10)
        assert probe(port) < 1
        go_on.set()
        assert scrape.recv(65536).endswith(b"\r\n\r\nmru 1\n")


def test_a_client_that_does_not_read_keeps_nobody_waiting() -> None:
    def much(_: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"x" * 20_000_000]

    port = start(much)
    with slow_clients(port, 3, b"GET /metrics HTTP/1.1\r\n\r\n"):
        assert len(ask(port, "/metrics")[1]) == 20_000_000
        assert probe(port) < 1


def test_the_oldest_connections_make_room_for_new_ones() -> None:
    port = start()
    with slow_clients(port, 44, HALF_A_HEAD) as first, slow_clients(port, CONNECTIONS) as second:
        assert still_open(first, seconds=3) == 0  # long before their deadline
        assert probe(port) < 1
        assert still_open(second[1:], seconds=0.5) == CONNECTIONS - 1
