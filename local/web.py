"""Asks the stack over HTTP, without any proxy that a developer's machine may have set."""

import dataclasses
import http.client
import json
import urllib.error
import urllib.request
from typing import Any, Final

_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server said; `headers` by their names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Returns the decoded body."""
        return json.loads(self.body)


def ask(url: str, *, timeout_seconds: float = 5) -> Answer:
    """Returns the answer to a GET, whatever its status. Raises OSError where there is none."""
    try:
        with _OPENER.open(url, timeout=timeout_seconds) as response:
            return Answer(response.status, _headers(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _headers(error.headers), error.read())


def answers(url: str, *, timeout_seconds: float = 2) -> bool:
    """Whether a GET is answered with success."""
    try:
        return ask(url, timeout_seconds=timeout_seconds).status < 300
    except (OSError, http.client.HTTPException):
        return False


def _headers(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
