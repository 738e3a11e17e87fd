"""The proxies that the fault tests stand on do what they say, and nothing else."""

import http.client
import http.server
import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from tests import faults
from tests.proxies import HttpProxy, TcpProxy

BODY = b"x" * 100_000


class _Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """The tests' output is no access log."""


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.server.seen.append(line)
            self.wfile.write(line)


def serve(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def proxy() -> Iterator[HttpProxy]:
    for port in serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files)):
        with HttpProxy(port) as proxy:
            yield proxy


def get(proxy: HttpProxy, path: str = "/bucket/key") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_what_is_not_planned_passes_unchanged(proxy: HttpProxy) -> None:
    proxy.plan(faults.close, operation="GET /other")
    assert get(proxy) == (200, BODY)
    assert [request.operation for request in proxy.requests] == ["GET /bucket/key"]


def test_a_status_stands_in_for_the_answer_as_often_as_planned(proxy: HttpProxy) -> None:
    plan = proxy.plan(faults.status(503, "SlowDown"), times=2, operation="GET /bucket/")
    assert [get(proxy)[0] for _ in range(3)] == [503, 503, 200]
    plan.wait(2)


def test_a_body_is_cut_short(proxy: HttpProxy) -> None:
    proxy.plan(faults.cut_body(after_bytes=1000))
    with pytest.raises(http.client.IncompleteRead) as caught:
        get(proxy)
    assert 0 < len(caught.value.partial) <= 1000


@pytest.mark.parametrize("fault", [faults.close, faults.lose_answer])
def test_a_closed_connection_answers_nothing(proxy: HttpProxy, fault: faults.Fault) -> None:
    proxy.plan(fault)
    with pytest.raises(ConnectionError):
        get(proxy)


def test_a_black_hole_is_let_go_of_when_the_proxy_cuts(proxy: HttpProxy) -> None:
    plan = proxy.plan(faults.hang)
    cutter = threading.Thread(target=lambda: (plan.wait(), proxy.cut()))
    cutter.start()
    with pytest.raises(ConnectionError):
        get(proxy)
    cutter.join()


def test_a_tcp_client_is_cut_off_after_certain_bytes_which_still_arrive() -> None:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo)
    server.seen = []
    for port in serve(server):
        with (
            TcpProxy(port) as proxy,
            socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
        ):
            client.sendall(b"BEGIN\n")
            assert client.recv(100) == b"BEGIN\n"
            proxy.cut_after = b"COMMIT"
            client.sendall(b"COMMIT\n")
            assert client.recv(100) in (b"", b"COMMIT\n")
    assert server.seen == [b"BEGIN\n", b"COMMIT\n"]
