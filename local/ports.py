"""Listening sockets, opened by the supervisor and handed to the process that serves them.

So a busy port is found before anything is started, and a free one stays ours until it is served.
"""

import errno
import socket
from typing import Final

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128


class PortBusyError(Exception):
    """Somebody else listens on a port; the message says which, and how to choose another."""

    def __init__(self, port: int, variable: str) -> None:
        super().__init__(
            f"Port {port} is in use. Stop what uses it, or choose another port with {variable}."
        )


def listen(port: int, variable: str) -> socket.socket:
    """Opens a socket that listens; `variable` is the setting that the port came from.

    Raises PortBusyError.
    """
    listener = socket.socket()
    # Else the port stays unusable for a minute after the stack was stopped.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortBusyError(port, variable) from None
        raise
    return listener


def port_of(listener: socket.socket) -> int:
    """Returns the port on which a socket listens."""
    port: int = listener.getsockname()[1]
    return port


def check_free(port: int, variable: str) -> None:
    """Raises PortBusyError where nobody else could listen on the port now."""
    listen(port, variable).close()
