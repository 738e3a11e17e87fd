"""What may go wrong with a request on its way: the faults that a proxy of `tests.proxies` plays."""

import asyncio
import contextlib
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Self

HOST: Final = "127.0.0.1"


@dataclasses.dataclass(frozen=True)
class Request:
    """The head of an HTTP request."""

    line: str
    headers: dict[str, str]

    @property
    def operation(self) -> str:
        """SQS's name for it, as in ReceiveMessage; or method and path, as in GET /bucket/key."""
        target = self.headers.get("x-amz-target", "").rpartition(".")[2]
        return target or self.line.rpartition(" ")[0]

    @classmethod
    def parse(cls, head: bytes) -> Self:
        line, *rest = head.decode("latin-1").strip().split("\r\n")
        pairs = (header.partition(":") for header in rest)
        return cls(line, {name.strip().lower(): value.strip() for name, _, value in pairs})


@dataclasses.dataclass(frozen=True)
class Wire:
    """One connection, as seen from here."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def pump(
        self,
        other: "Wire",
        until: Callable[[bytes], bool] = lambda _: False,
        *,
        thawed: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Passes on what comes in, to its end or until certain bytes have gone by.

        `thawed` is awaited before each piece is passed on.
        """
        with contextlib.suppress(OSError):  # either end may hang up; that is what this is for
            while data := await self.reader.read(65536):
                if thawed is not None:
                    await thawed()
                await other.send(data)
                if until(data):
                    return

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


@dataclasses.dataclass(frozen=True)
class Exchange:
    """One HTTP request on a connection of its own, and what a fault may do with it."""

    head: bytes
    client: Wire
    upstream_port: int

    async def forward(self, *, keep: int | None = None) -> None:
        """Passes the request on, and back comes the answer: of its body at most `keep` bytes."""
        async with self.ask() as server:
            await self.client.send(await server.reader.readuntil(b"\r\n\r\n"))
            if keep is None:
                await server.pump(self.client)
            else:
                await self.client.send(await server.reader.readexactly(keep))

    async def answer(self, status: int, body: bytes) -> None:
        """Answers in the server's place, once the request has come in wholly."""
        length = Request.parse(self.head).headers.get("content-length", 0)
        await self.client.reader.readexactly(int(length))
        head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        await self.client.send(head.encode() + body)

    @contextlib.asynccontextmanager
    async def ask(self) -> AsyncIterator[Wire]:
        """Passes the request on, and yields the server's end."""
        server = Wire(*await asyncio.open_connection(HOST, self.upstream_port))
        # One request a connection: where the answer ends, the connection does.
        lines = self.head.strip().split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith(b"connection:")]
        await server.send(b"\r\n".join([*kept, b"Connection: close", b"", b""]))
        upload = asyncio.ensure_future(self.client.pump(server))
        try:
            yield server
        finally:
            upload.cancel()
            server.writer.close()


Fault = Callable[[Exchange], Awaitable[None]]


def status(code: int, error: str = "") -> Fault:
    """Answers with a status, and with `error` as AWS's JSON protocol names one."""
    body = json.dumps({"__type": f"com.amazonaws.sqs#{error}", "message": error}).encode()
    return lambda exchange: exchange.answer(code, body)


def s3_error(code: int, error: str) -> Fault:
    """Answers with a status, and with `error` as S3 names one."""
    body = f"<Error><Code>{error}</Code><Message>{error}, for a test.</Message></Error>".encode()
    return lambda exchange: exchange.answer(code, body)


async def close(exchange: Exchange) -> None:
    """Hangs up without a word."""


async def hang(exchange: Exchange) -> None:
    """Takes the request and never answers: a black hole."""
    await asyncio.Event().wait()


async def lose_answer(exchange: Exchange) -> None:
    """Lets the server do what was asked, and hangs up instead of saying so."""
    async with exchange.ask() as server:
        await server.reader.read()


def cut_body(after_bytes: int) -> Fault:
    """Hangs up in the middle of the answer."""
    return lambda exchange: exchange.forward(keep=after_bytes)


class Gate:
    """A fault that keeps a request back, or only the end of its answer, until it is opened."""

    def __init__(self, after_bytes: int | None = None) -> None:
        self._after_bytes = after_bytes
        self._is_open = threading.Event()

    def open(self) -> None:
        self._is_open.set()

    async def __call__(self, exchange: Exchange) -> None:
        if self._after_bytes is None:
            await self._opened()
            await exchange.forward()
            return
        async with exchange.ask() as server:
            await exchange.client.send(await server.reader.readuntil(b"\r\n\r\n"))
            await exchange.client.send(await server.reader.readexactly(self._after_bytes))
            await self._opened()
            await server.pump(exchange.client)

    async def _opened(self) -> None:
        while not self._is_open.is_set():
            await asyncio.sleep(0.01)


def slow(seconds: float) -> Fault:
    """Answers rightly, but late."""

    async def fault(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await exchange.forward()

    return fault
