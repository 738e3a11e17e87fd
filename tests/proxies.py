"""Two proxies that fail on demand: one for HTTP (SQS, S3), one for plain TCP (Postgres).

Each listens on a free port of the loopback, in a thread of its own, and forwards to a port of the
loopback. A test says which of the next requests shall fail and how, and can wait until one did.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Self

from tests.faults import HOST, Exchange, Fault, Request, Wire

_WAIT_SECONDS: Final = 60


class _Proxy:
    """Listens in a thread of its own from `__enter__` to `__exit__`."""

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.upstream_port = upstream_port  # may be told later, before the first request
        self._ready = threading.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_WAIT_SECONDS), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_WAIT_SECONDS)

    def cut(self) -> None:
        """Hangs up on everyone who is connected now."""
        for connection in list(self._connections):
            self._loop.call_soon_threadsafe(connection.cancel)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._converse(Wire(reader, writer)))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _converse(self, client: Wire) -> None:
        hung_up = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*hung_up), contextlib.closing(client.writer):
            await self._serve(client)

    def _serve(self, client: Wire) -> Coroutine[Any, Any, None]:
        raise NotImplementedError


class Plan:
    """A fault that waits for its requests."""

    def __init__(self, fault: Fault, times: int, operation: str) -> None:
        self.fault, self.left, self.operation = fault, times, operation
        self.used = threading.Semaphore(0)

    def wait(self, times: int = 1) -> None:
        """Waits until the fault has struck that many times more."""
        for _ in range(times):
            assert self.used.acquire(timeout=_WAIT_SECONDS), "the fault never struck"


class HttpProxy(_Proxy):
    """Forwards HTTP, except for the requests for which a test has planned a fault."""

    def __init__(self, upstream_port: int) -> None:
        super().__init__(upstream_port)
        self.requests: list[Request] = []
        self._plans: list[Plan] = []

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def plan(self, fault: Fault, *, times: int = 1, operation: str = "") -> Plan:
        """Makes the next `times` requests fail whose operation begins with `operation`."""
        self._plans.append(Plan(fault, times, operation))
        return self._plans[-1]

    def count(self, operation: str) -> int:
        """Returns how many requests have come whose operation begins with `operation`."""
        return sum(request.operation.startswith(operation) for request in list(self.requests))

    def clear(self) -> None:
        """Forgets what was planned and what was seen."""
        self._plans.clear()
        self.requests.clear()

    async def _serve(self, client: Wire) -> None:
        head = await client.reader.readuntil(b"\r\n\r\n")
        exchange, request = Exchange(head, client, self.upstream_port), Request.parse(head)
        self.requests.append(request)
        for plan in self._plans:
            if plan.left and request.operation.startswith(plan.operation):
                plan.left -= 1
                plan.used.release()
                return await plan.fault(exchange)
        return await exchange.forward()


class TcpProxy(_Proxy):
    """Forwards bytes both ways. Hangs up on the next client that sends `cut_after`, once it did."""

    cut_after = b""  # empty again when it has struck
    cut_only = b""  # cuts only a client that has sent this before
    refusing = False  # takes connections and hangs up, as a server that is starting does

    def __init__(self, upstream_port: int) -> None:
        super().__init__(upstream_port)
        self._sent: dict[Wire, bytes] = {}
        self._frozen: list[Wire] = []

    async def _serve(self, client: Wire) -> None:
        if self.refusing:
            return
        server = Wire(*await asyncio.open_connection(HOST, self.upstream_port))
        self._sent[client] = b""
        up = client.pump(server, self._cutter(client), thawed=lambda: self._thawed(client))
        down = server.pump(client, thawed=lambda: self._thawed(client))
        ways = [asyncio.ensure_future(way) for way in (up, down)]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await self._thawed(client)  # nor does it pass on that one side has hung up
        finally:
            for way in ways:
                way.cancel()
            server.writer.close()

    def freeze(self, only: bytes = b"") -> None:
        """Passes nothing on any more of the connections there are, and closes none of them.

        Both ends' kernels still acknowledge all that is sent. `only` freezes those whose clients
        have sent this before.
        """
        self._frozen = [client for client, sent in self._sent.items() if only in sent]

    def thaw(self) -> None:
        """Passes on what frozen connections have sent meanwhile, and goes on."""
        self._frozen = []

    async def _thawed(self, client: Wire) -> None:
        while client in self._frozen:
            await asyncio.sleep(0.01)

    def _cutter(self, client: Wire) -> Callable[[bytes], bool]:
        """Returns what tells of one client's data whether to hang up after it."""
        sent = False

        def is_to_be_cut(data: bytes) -> bool:
            nonlocal sent
            self._sent[client] += data
            sent = sent or self.cut_only in data
            if not (sent and self.cut_after and self.cut_after in data):
                return False
            self.cut_after = b""
            return True

        return is_to_be_cut
