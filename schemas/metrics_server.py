"""The server of the metrics port: it answers scrapes and, for the API, liveness probes.

Slow clients hold up nobody. One thread talks to all clients and never waits for one of them;
another thread renders the metrics. Each client has a deadline, and the number of connections is
bounded: the oldest one makes room for a new one.
"""

import asyncio
import concurrent.futures
import contextlib
import functools
import http.client
import io
import queue
import socket
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

PATH: Final = "/metrics"
LIVE_PATH: Final = "/health/live"

_HEAD_SECONDS: Final = 5  # for the whole head of a request, however its bytes are spread
_SECONDS: Final = 30  # for the whole exchange: a worker asks the queue and the ledger meanwhile
_HEAD_BYTES: Final = 16 * 1024
_BACKLOG: Final = 128
# More than the loop accepts in a turn: a request is read before its connection is the oldest.
_CONNECTIONS: Final = 2 * _BACKLOG
_LIVE: Final = b'{"status":"live"}'
_JSON: Final = ("Content-Type", "application/json")
_TEXT: Final = ("Content-Type", "text/plain")

logger = structlog.stdlib.get_logger(__name__)


def serve(listener: socket.socket, metrics: "WSGIApplication", *, live: bool = False) -> None:
    """Serves the metrics, and liveness where wanted, in two threads of this process.

    Several processes may share a listener: any of them answers.
    """
    listener.setblocking(False)  # one process is the first to take a client; the others go on
    server = _Server(metrics, live=live)
    threading.Thread(
        target=lambda: asyncio.run(server.run(listener)), name="metrics", daemon=True
    ).start()


class _Renderer:
    """Renders metrics in a thread of its own, one scrape at a time."""

    def __init__(self, metrics: "WSGIApplication") -> None:
        self._metrics = metrics
        self._waiting: queue.SimpleQueue[
            tuple[concurrent.futures.Future[bytes], WSGIEnvironment]
        ] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="scrapes", daemon=True).start()

    def render(self, environ: "WSGIEnvironment") -> "asyncio.Future[bytes]":
        """Returns the whole response, once it is there. A cancelled scrape is not rendered."""
        future: concurrent.futures.Future[bytes] = concurrent.futures.Future()
        self._waiting.put((future, environ))
        return asyncio.wrap_future(future)

    def _run(self) -> None:
        while True:
            future, environ = self._waiting.get()
            if future.set_running_or_notify_cancel():
                future.set_result(_render(self._metrics, environ))


class _Server:
    """Reads requests and sends responses, for all clients in one thread."""

    def __init__(self, metrics: "WSGIApplication", *, live: bool) -> None:
        self._renderer = _Renderer(metrics)
        self._live = live
        self._clients: dict[asyncio.Task[None], None] = {}  # the oldest first

    async def run(self, listener: socket.socket) -> None:
        """Serves for as long as the process lives."""
        server = await asyncio.start_server(
            self._accept, sock=listener, limit=_HEAD_BYTES, backlog=_BACKLOG
        )
        await server.serve_forever()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= _CONNECTIONS:
            oldest = next(iter(self._clients))
            del self._clients[oldest]
            oldest.cancel()
        wire = _Wire(writer)
        task = asyncio.get_running_loop().create_task(self._converse(reader, wire))
        self._clients[task] = None
        task.add_done_callback(functools.partial(self._part, wire))

    def _part(self, wire: "_Wire", task: asyncio.Task[None]) -> None:
        # Here and not at the end of the task: one that is cancelled early never starts.
        self._clients.pop(task, None)
        wire.close()

    async def _converse(self, reader: asyncio.StreamReader, wire: "_Wire") -> None:
        lost = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
        with contextlib.suppress(*lost):
            async with asyncio.timeout(_SECONDS):
                async with asyncio.timeout(_HEAD_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                await wire.send(await self._respond(head))

    async def _respond(self, head: bytes) -> bytes:
        try:
            environ = _read(head)
        except (ValueError, http.client.HTTPException):
            return _response("400 Bad Request", [_TEXT], b"This is not HTTP/1.1.\n")
        if environ["PATH_INFO"] == PATH:
            return await self._renderer.render(environ)
        if self._live and environ["PATH_INFO"] == LIVE_PATH:
            return _response("200 OK", [_JSON], _LIVE)
        return _response("404 Not Found", [_TEXT], f"Metrics are at {PATH}.\n".encode())


class _Wire:
    """The sending side of a connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        writer.transport.set_write_buffer_limits(0)  # so that sending waits for the last byte

    async def send(self, data: bytes) -> None:
        """Waits until the system has all of it."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Hangs up, also where a process that was forked meanwhile has the socket too."""
        with contextlib.suppress(OSError):
            self._writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._writer.transport.abort()


def _read(head: bytes) -> "WSGIEnvironment":
    """Returns of a request what rendering needs. Raises ValueError and HTTPException."""
    line, _, fields = head.partition(b"\r\n")
    method, target, version = line.decode("latin-1").split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    headers = http.client.parse_headers(io.BytesIO(fields))
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_ACCEPT": headers.get("Accept", ""),
        "HTTP_ACCEPT_ENCODING": headers.get("Accept-Encoding", ""),
    }


def _render(metrics: "WSGIApplication", environ: "WSGIEnvironment") -> bytes:
    heads: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        heads.append((status, headers))

    try:
        body = b"".join(metrics(environ, start))
    except Exception:
        logger.warning("metrics not served", exc_info=True)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return _response(f"{status:d} {status.phrase}", [_TEXT], b"The log says why.\n")
    return _response(*heads[-1], body)


def _response(status: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    fields = [*headers, ("Content-Length", str(len(body))), ("Connection", "close")]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body
