"""The benchmarks' client, where a server closes connections."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.errors import BenchError
from bench.searching.client import ask_for, request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(answers: int, answer: bytes = ANSWER) -> Iterator[int]:
    """A server that closes each connection after so many answers. Lends its port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for _ in range(answers):
                while line := self.rfile.readline():
                    if line == b"\r\n":
                        break
                self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as serving:
        serving.daemon_threads = True
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving.server_address[1]
        serving.shutdown()


def test_what_a_closed_connection_did_not_answer_is_asked_again() -> None:
    with server(answers=3) as port:
        turn = ask_for(port, [request("/")] * 20, connections=4, seconds=30)
    assert turn.statuses == {200: 20}
    assert turn.bytes == 40


def test_a_server_that_never_answers_is_an_error() -> None:
    with server(answers=0) as port, pytest.raises(BenchError, match="does not answer"):
        ask_for(port, [request("/")], connections=1, seconds=30)


def test_an_answer_that_is_cut_off_is_an_error() -> None:
    with (
        server(answers=1, answer=ANSWER[:-1]) as port,
        pytest.raises(BenchError, match="amid an answer"),
    ):
        ask_for(port, [request("/")], connections=1, seconds=30)
