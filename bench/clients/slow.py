"""Clients that are slow, on purpose or not: many connections that hold what they can get.

One thread drives all of them. A connection that the server cuts off is opened again, so that the
pressure stays; how long each lasted is kept.
"""

import contextlib
import dataclasses
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import psutil

from bench.clients.honest import notification
from schemas.settings import MIN_SECRET_CHARACTERS

SECRET: Final = "of-the-clients".ljust(MIN_SECRET_CHARACTERS, "-")
_STEP_SECONDS: Final = 1.0  # between two bytes of a slow sender
_UNREAD: Final = b"GET /movies?title=fat&limit=100 HTTP/1.1\r\nHost: api\r\n\r\n"


def _post(headers: dict[str, str], length: int) -> bytes:
    lines = ["POST /notifications HTTP/1.1", "Host: api", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join([*lines, "", ""])).encode()


def _half_signed_body() -> bytes:
    headers, body = notification(SECRET)
    return _post(headers, len(body)) + body[: len(body) // 2]


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a slow client sends at once, and what then byte by byte; `reads`: whether it reads."""

    first: Callable[[], bytes]
    rest: bytes = b""
    reads: bool = True
    any_server: bool = False  # whether it harms a server of whatever speaks HTTP


KINDS: Final = {
    "half a head": Kind(lambda: b"GET /movies?title=tre", any_server=True),
    "half a signed body": Kind(_half_signed_body),
    "half an unsigned body": Kind(lambda: _post({"Accept": "*/*"}, 60_000) + b"{"),
    "nothing": Kind(lambda: b"", any_server=True),
    "a byte a second": Kind(lambda: b"", b"GET /movies?title=" + b"x" * 1_000, any_server=True),
    "no reader": Kind(lambda: _UNREAD, reads=False),
}


def held_by_server(port: int) -> set[int]:
    """Returns the ports of the clients whose connections the server on a port still holds.

    A client that does not read never learns that the server has given it up.
    """
    return {
        each.raddr.port
        for each in psutil.net_connections("tcp4")
        if each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
    }


@dataclasses.dataclass
class _Client:
    socket: socket.socket
    opened: float
    rest: bytes
    sent_at: float


class SlowClients:
    """Keeps `number` connections of a kind open; `lasted` has the seconds of each one cut off."""

    def __init__(self, port: int, kind: Kind, number: int) -> None:
        self.lasted: list[float] = []
        self._port, self._kind, self._number = port, kind, number
        self._held: set[int] = set()
        self._stop = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "SlowClients":
        for _ in range(self._number):
            self._open()
            self._stop.wait(0.01)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        now = time.monotonic()
        # Those that are still open count as well: none may have lasted longer than the others.
        for key in list(self._selector.get_map().values()):
            self.lasted.append(now - key.data.opened)
            key.data.socket.close()
        self._selector.close()

    def _open(self) -> None:
        client = socket.socket()
        if not self._kind.reads:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            # As on a network: the server's kernel takes no megabyte at once, as on loopback.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        client.connect(("127.0.0.1", self._port))
        now = time.monotonic()
        with contextlib.suppress(OSError):
            client.sendall(self._kind.first())
        client.setblocking(False)
        events = selectors.EVENT_READ if self._kind.reads else selectors.EVENT_WRITE
        self._selector.register(client, events, _Client(client, now, self._kind.rest, now))

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._kind.reads:
                self._stop.wait(0.5)  # a socket that may be written to is always ready
                self._held = held_by_server(self._port)
            for key, _ in self._selector.select(0.1):
                if self._is_over(key.data):
                    self._replace(key.data)
            for key in list(self._selector.get_map().values()):
                self._send_a_byte(key.data)

    def _is_over(self, client: _Client) -> bool:
        try:
            if self._kind.reads:
                return not client.socket.recv(65536)
            return client.socket.getsockname()[1] not in self._held
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _replace(self, client: _Client) -> None:
        self.lasted.append(time.monotonic() - client.opened)
        self._selector.unregister(client.socket)
        client.socket.close()
        self._stop.wait(0.01)  # slow clients are no flood
        self._open()

    def _send_a_byte(self, client: _Client) -> None:
        now = time.monotonic()
        if client.rest and now - client.sent_at >= _STEP_SECONDS:
            with contextlib.suppress(OSError):  # that the server has closed shows when it is read
                client.socket.send(client.rest[:1])
            client.rest, client.sent_at = client.rest[1:], now
