"""A lean HTTP client over kept connections: it shares the cores with what it measures.

It writes requests that were put into bytes before, and reads of an answer its status and length.
"""

import contextlib
import dataclasses
import itertools
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Self

from bench.errors import BenchError
from local.ports import HOST

_TIMEOUT_SECONDS: Final = 30
_READ_BYTES: Final = 262_144
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LAST_CHUNK: Final = b"0\r\n\r\n"
_UNKNOWN: Final = 1 << 60  # bytes
_WITHOUT_BODY: Final = 304


def request(target: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Returns a GET as it goes over the wire."""
    lines = [f"GET {target} HTTP/1.1", f"Host: {HOST}", "User-Agent: bench", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer: its status, its head as it came, and its body, with the marks of chunks if any."""

    status: int
    head: bytes
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The headers, by their names in small letters."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in pairs}


class Connection:
    """One connection, over which one request after another is answered.

    A server may close it between two answers, as gunicorn does when it replaces a process. Then,
    as any client does, this opens another one and asks again, once: `socket` is a new one after it.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = self._open()
        self._request = b""
        self._asked = 0
        self._head = b""
        self._pieces: list[bytes] = []
        self._missing = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, request: bytes) -> None:
        """Sends a request; nothing may be on its way."""
        self._head, self._pieces = b"", []
        self._request, self._asked = request, 1
        self.socket.sendall(request)

    def receive(self) -> Reply | None:
        """Reads once, and returns the answer if that was its end."""
        try:
            data = self.socket.recv(_READ_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            self._ask_again()
            return None
        if not self._head:
            data = self._begin(b"".join([*self._pieces, data]))
            if not self._head:
                return None
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing > 0 and not (self._missing > _UNKNOWN // 2 and self._at_last_chunk()):
            return None
        return Reply(int(self._head[9:12]), self._head, b"".join(self._pieces))

    def ask(self, request: bytes) -> Reply:
        """Returns the answer to a request."""
        self.send(request)
        while (reply := self.receive()) is None:
            pass
        return reply

    def _ask_again(self) -> None:
        if self._head or self._pieces:
            raise BenchError("The server closed a connection amid an answer.")
        if self._asked > 1:
            raise BenchError("The server closes connections and does not answer.")
        self.socket.close()
        self.socket = self._open()
        self._asked += 1
        self.socket.sendall(self._request)

    def _begin(self, data: bytes) -> bytes:
        """Takes the head off what came, once it is whole."""
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._pieces = [data]
            return b""
        self._head, self._pieces = head, []
        if int(head[9:12]) == _WITHOUT_BODY:
            self._missing = 0
        elif found := _LENGTH.search(head):
            self._missing = int(found[1])
        elif _CHUNKED.search(head):
            self._missing = _UNKNOWN
        else:
            raise BenchError(f"An answer of unknown length: {head!r}")
        return rest

    def _at_last_chunk(self) -> bool:
        """Whether this was the end of a body in chunks, which no JSON can contain."""
        return b"".join(self._pieces[-2:]).endswith(_LAST_CHUNK)

    def _open(self) -> socket.socket:
        opened = socket.create_connection((HOST, self._port), _TIMEOUT_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened


@dataclasses.dataclass(frozen=True)
class Turn:
    """What came of asking for a while: how many answers of each status, and how large they were.

    `client_seconds` is the processor's time that asking took on this side.
    """

    seconds: float
    statuses: Mapping[int, int]
    bytes: int
    client_seconds: float

    @property
    def answers(self) -> int:
        """The number of all answers."""
        return sum(self.statuses.values())

    @property
    def a_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def mean_bytes(self) -> float:
        """Bytes of a body."""
        return self.bytes / max(1, self.answers)


def ask_for(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    again: bool = False,
) -> Turn:
    """Asks one request after another over each of some connections, all at the same time.

    It ends when each request has been answered, or begins `again` with the first one then; and
    when the time is over.
    """
    statuses, size, left = Counter[int](), 0, 0
    wanted = itertools.cycle(requests) if again else iter(requests)
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as closing:
        opened = [closing.enter_context(Connection(port)) for _ in range(connections)]
        began, work = time.perf_counter(), time.process_time()
        # In this order zip takes no request for which there is no connection.
        for connection, request in zip(opened, wanted, strict=False):
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(request)
            left += 1
        while left and time.perf_counter() < began + seconds:
            for key, _ in selector.select(seconds):
                reply = key.data.receive()
                if key.data.socket is not key.fileobj:
                    selector.unregister(key.fileobj)
                    selector.register(key.data.socket, selectors.EVENT_READ, key.data)
                if reply is None:
                    continue
                statuses[reply.status] += 1
                size += len(reply.body)
                if request := next(wanted, b""):
                    key.data.send(request)
                else:
                    selector.unregister(key.data.socket)
                    left -= 1
        took, work = time.perf_counter() - began, time.process_time() - work
    return Turn(took, statuses, size, work)
