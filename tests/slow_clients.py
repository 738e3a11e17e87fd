"""Clients that connect and then take their time: half a head, nothing, or a byte now and then."""

import contextlib
import select
import socket
import time
import urllib.request
from collections.abc import Iterator

HALF_A_HEAD = b"GET /metrics HTTP/1.1\r\nHost: here\r\nX-"


@contextlib.contextmanager
def slow_clients(port: int, number: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """Opens connections, sends the same on each, and yields them."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(number):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            client.sendall(sent)
            opened.append(client)
        yield opened


def send_to_all(clients: list[socket.socket], data: bytes) -> None:
    """Sends on each connection that the server still has."""
    for client in clients:
        with contextlib.suppress(OSError):
            client.sendall(data)


def still_open(clients: list[socket.socket], *, seconds: float) -> int:
    """Waits until the server has closed all of these, and returns how many it has not in time."""
    deadline = time.monotonic() + seconds
    left = list(clients)
    while left and time.monotonic() < deadline:
        readable, _, _ = select.select(left, [], [], max(0.0, deadline - time.monotonic()))
        left = [client for client in left if client not in readable or not _is_closed(client)]
    return len(left)


def _is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(65536) == b""
    except OSError:
        return True


def probe(port: int, *, seconds: float = 10) -> float:
    """Returns how many seconds a liveness probe took. Raises OSError where it was not answered."""
    started = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=seconds) as live:
        assert live.headers["Content-Type"] == "application/json"
        assert live.read() == b'{"status":"live"}'
    return time.monotonic() - started
