"""How operators prove who they are: a token, and a cookie that the token signs.

Programs send the token with each request. A browser sends it once, to `POST /ui/operator`, and
gets a cookie that holds nothing but its end and a signature, so that the API stores no sessions.
"""

import dataclasses
import hashlib
import hmac
import re
from typing import Final

SESSION_SECONDS: Final = 12 * 60 * 60
COOKIE: Final = "mru_operator"

_PURPOSE: Final = "movies-r-us operator session "
_FORMAT: Final = re.compile(r"(\d{1,12})\.([0-9a-f]{64})", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Operators:
    """The tokens that are valid. The first is the current one, others are being replaced."""

    tokens: tuple[str, ...] = dataclasses.field(repr=False)

    def know_token(self, given: str) -> bool:
        """Whether a token is one of ours."""
        return self._matches(given, list(self.tokens))

    def make_session(self, *, now: float) -> str:
        """Returns the value of a cookie that is valid from `now` on, in seconds since 1970."""
        end = int(now) + SESSION_SECONDS
        return f"{end}.{_sign(self.tokens[0], end)}"

    def know_session(self, cookie: str, *, now: float) -> bool:
        """Whether a cookie was made with a token that is still valid, and has not ended."""
        parts = _FORMAT.fullmatch(cookie)
        if parts is None:
            return False
        end = int(parts[1])
        genuine = self._matches(parts[2], [_sign(token, end) for token in self.tokens])
        return genuine and now < end <= now + SESSION_SECONDS

    @staticmethod
    def _matches(given: str, expected: list[str]) -> bool:
        # All are compared, in constant time, so that the time taken tells nothing of any.
        digest = hashlib.sha256(given.encode("utf-8", "replace")).digest()
        ours = [hashlib.sha256(one.encode()).digest() for one in expected]
        return sum(hmac.compare_digest(one, digest) for one in ours) > 0


def _sign(token: str, end: int) -> str:
    return hmac.new(token.encode(), f"{_PURPOSE}{end}".encode(), hashlib.sha256).hexdigest()
