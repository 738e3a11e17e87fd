"""Where a room shows its metrics: on a port of its own, which is never the public one.

What is counted, and by which name, stands in each room: `api/observe.py`, `worker/metrics.py`.
"""

import dataclasses
import re
import socket
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog

from schemas.settings import Environment, SettingError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SETTING: Final = "MRU_METRICS_BIND"
PATH: Final = "/metrics"

_BIND: Final = re.compile(
    r"fd://(?P<descriptor>\d{1,6})|(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/]*):(?P<port>\d{1,5})"
)
_CLIENT_SECONDS: Final = 5  # of silence, after which a client no longer keeps the next one waiting
_IDLE_SECONDS: Final = 60.0  # how often a server looks whether it is to stop, which it never is

logger = structlog.stdlib.get_logger(__name__)


@dataclasses.dataclass(frozen=True)
class Bind:
    """An address to listen on, or the descriptor of a socket that listens already."""

    host: str = ""
    port: int = 0
    descriptor: int | None = None

    @classmethod
    def read(cls, environment: Environment) -> Self | None:
        """Reads MRU_METRICS_BIND; None where it is not set, for no metrics. Raises SettingError."""
        text = environment.optional(SETTING)
        if text is None:
            return None
        found = _BIND.fullmatch(text)
        if found is None or int(found["port"] or 0) > 65535:
            raise SettingError(f"{SETTING} must be HOST:PORT or fd://NUMBER, not {text!r}.")
        if found["descriptor"] is not None:
            return cls(descriptor=int(found["descriptor"]))
        return cls(host=found["host"].strip("[]"), port=int(found["port"]))

    def listen(self) -> socket.socket:
        """Opens the socket, and says which port it is. Raises SettingError where that cannot be."""
        try:
            listener = self._open()
        except OSError as error:
            raise SettingError(f"{SETTING}: cannot listen there: {error.strerror}.") from error
        logger.info("metrics are shown", port=listener.getsockname()[1])
        return listener

    def _open(self) -> socket.socket:
        if self.descriptor is not None:
            return socket.socket(fileno=self.descriptor)
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        return socket.create_server((self.host, self.port), family=family)


def serve(listener: socket.socket, metrics: "WSGIApplication") -> None:
    """Serves the metrics in a thread of this process. Several processes may share a listener."""
    listener.setblocking(False)  # one of them is the first to take a client; the others go on
    server = _Server(listener, _only_metrics(metrics))
    threading.Thread(
        target=server.serve_forever, args=(_IDLE_SECONDS,), name="metrics", daemon=True
    ).start()


def _only_metrics(metrics: "WSGIApplication") -> "WSGIApplication":
    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            return metrics(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [f"Metrics are at {PATH}.\n".encode()]

    return answer


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_SECONDS

    def log_message(self, *_: Any) -> None:
        """Says nothing: scrapes come every few seconds, for ever."""


class _Server(WSGIServer):
    """wsgiref's server, on a socket that somebody else has opened: one client at a time."""

    def __init__(self, listener: socket.socket, application: "WSGIApplication") -> None:
        host, port = listener.getsockname()[:2]
        super().__init__((host, port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self.set_app(application)

    def handle_error(self, *_: Any) -> None:
        """Writes down why a client was not served; by default that goes past the log."""
        logger.warning("metrics not served", exc_info=True)  # noqa: LOG014  socketserver handles one
