"""Where a component shows its metrics: on a port of its own, which is never the public one.

`metrics_server` serves them. What is counted, and by which name, stands in each component:
`api/observe.py`, `worker/metrics.py`.
"""

import dataclasses
import re
import socket
from typing import Final, Self

import structlog

from schemas.settings import Environment, SettingError

SETTING: Final = "MRU_METRICS_BIND"

_BIND: Final = re.compile(
    r"fd://(?P<descriptor>\d{1,6})|(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/]*):(?P<port>\d{1,5})"
)

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
