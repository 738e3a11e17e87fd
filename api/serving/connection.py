"""One connection: what its client sent, the request being served, and what is still to be sent.

gunicorn's worker serves it as if it were a connection of its own, whose request has been parsed and
whose socket never blocks. Only one thread uses a connection at a time: a lane's while its request
is being served, and the process's main thread otherwise.
"""

import enum
import socket
import struct
from typing import Any, Final

from gunicorn.http.message import Request

from api.serving.request import Inbox

# For so long a client may take none of its response. What the kernel holds counts as well.
UNTAKEN_SECONDS: Final = 10
_RECEIVED_AT_ONCE: Final = 64 * 1024


class State(enum.Enum):
    """What a connection waits for."""

    RECEIVING = enum.auto()  # a request, or the rest of one
    SERVING = enum.auto()  # a response of ours
    SENDING = enum.auto()  # a client that takes the rest of its response
    IDLE = enum.auto()  # perhaps another request, after one that was served
    ENDING = enum.auto()  # a client that closes, or the end of our patience
    CLOSED = enum.auto()  # nothing: its end


class Outbox:
    """What a client is still to be sent; gunicorn takes it for a socket."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._unsent = bytearray()

    def __len__(self) -> int:
        return len(self._unsent)

    def sendall(self, data: bytes) -> None:
        """Keeps what is to be sent until `flush`."""
        self._unsent += data

    send = sendall  # gunicorn's word where it announces that a body may come

    def flush(self) -> bool:
        """Sends as much as the client takes now; tells whether that was all. Raises OSError."""
        while self._unsent:
            try:
                sent = self._client.send(self._unsent)
            except (BlockingIOError, InterruptedError):
                return False
            del self._unsent[:sent]
        return True

    def setblocking(self, _: bool) -> None:  # noqa: FBT001  as a socket has it
        """Does nothing: this socket never blocks."""

    def shutdown(self, _: int) -> None:
        """Raises OSError: the process closes the connection once all is sent."""
        raise OSError("closed by the process")

    def close(self) -> None:
        """Does nothing: see `shutdown`."""


class Connection:
    """A client's connection, from its acceptance to its end.

    `deadline` is of the monotonic clock and ends the present wait for the client.
    """

    # gunicorn's worker asks for these: there is nothing left to read, and no HTTP/2.
    initialized = True
    data_ready = True
    is_http2 = False

    def __init__(
        self, configuration: Any, client: socket.socket, address: Any, server: Any, deadline: float
    ) -> None:
        client.setblocking(False)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: bytes that the client does not take
            milliseconds = int(UNTAKEN_SECONDS * 1000)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self.socket = client
        self.client = address
        self.server = server
        self.inbox = Inbox(configuration, address)
        self.sock = Outbox(client)
        self.parser = self
        self.request: Request | None = None
        self.state = State.RECEIVING
        self.deadline = deadline
        self.give_up_at = deadline  # however steadily the client takes its response, or sends
        self.arrived = 0.0  # when all of the present request was here
        self.watched = 0  # for which events of the selectors module
        self.keeps = True  # open after the present response

    def begin(self, request: Request, now: float) -> None:
        """Notes that a request is all here, at a moment of the monotonic clock."""
        self.request, self.arrived = request, now
        self.state = State.SERVING

    @property
    def held_bytes(self) -> int:
        """How much memory the client makes us hold, and may still fill."""
        return len(self.inbox) + self.inbox.missing + len(self.sock)

    def fileno(self) -> int:
        """Returns the socket's descriptor, for a selector."""
        return self.socket.fileno()

    def receive(self) -> bool:
        """Takes what has arrived; False where the client has closed. Raises OSError."""
        try:
            data = self.socket.recv(_RECEIVED_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return True
        if self.state is not State.ENDING:
            self.inbox.feed(data)
        return bool(data)

    def shut(self) -> None:
        """Tells the client that nothing more comes. Raises OSError."""
        self.socket.shutdown(socket.SHUT_WR)

    def forget_unsent(self) -> None:
        """Has the kernel forget what the client did not take, and reset the connection at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()

    # What gunicorn's worker calls before and after it serves the request.

    def init(self) -> None:
        """Does nothing: the request has been parsed."""

    def __next__(self) -> Request:
        if self.request is None:
            raise StopIteration
        return self.request

    def finish_body(self, deadline: float | None = None) -> bool:  # noqa: ARG002  gunicorn's name
        """Tells that no part of the body is left on the socket."""
        return True
