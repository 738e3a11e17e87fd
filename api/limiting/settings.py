"""The settings of the rate limit: `MRU_RATE_LIMIT` and the variables that go with it."""

import dataclasses
from enum import StrEnum
from typing import Final, Self

import limits

from schemas.settings import Environment, SettingError

_LIMIT: Final = "MRU_RATE_LIMIT"
_MAX_REQUESTS: Final = 1_000_000_000  # as a number in a structured field it has to be below 10^15
_MAX_WINDOW_SECONDS: Final = 24 * 60 * 60
_MAX_PROXIES: Final = 10


class KeyedBy(StrEnum):
    """What tells one client from another."""

    ADDRESS = "address"
    API_KEY = "api-key"


@dataclasses.dataclass(frozen=True)
class Rate:
    """How many `requests` a client may send in a window of `window_seconds`."""

    requests: int
    window_seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the notation of the package limits, such as 600/minute. Raises SettingError."""
        try:
            (item,) = limits.parse_many(text)
        except ValueError:
            raise SettingError(
                f"{_LIMIT} must be requests in a time, such as 600/minute, not {text!r}."
            ) from None
        rate = cls(item.amount, item.get_expiry())
        if not 1 <= rate.requests <= _MAX_REQUESTS:
            raise SettingError(f"{_LIMIT} must allow 1 to {_MAX_REQUESTS} requests, not {text!r}.")
        if rate.window_seconds > _MAX_WINDOW_SECONDS:
            raise SettingError(f"{_LIMIT} must be of a day at the most, not {text!r}.")
        return rate


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateLimit:
    """The limit, if there is one, and what it is counted by.

    `trusted_proxies` is the number of proxies in front that append to X-Forwarded-For.
    """

    rate: Rate | None
    keyed_by: KeyedBy
    api_keys: tuple[str, ...] = dataclasses.field(repr=False)
    trusted_proxies: int

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads the settings. Raises SettingError, which names the variable."""
        rate = environment.optional(_LIMIT)
        made = cls(
            rate=Rate.parse(rate) if rate else None,
            keyed_by=environment.choice("MRU_RATE_LIMIT_KEY", KeyedBy.ADDRESS),
            api_keys=environment.optional_secrets("MRU_API_KEYS"),
            trusted_proxies=environment.integer(
                "MRU_TRUSTED_PROXIES", 0, minimum=0, maximum=_MAX_PROXIES
            ),
        )
        if made.keyed_by is KeyedBy.API_KEY and not made.api_keys:
            raise SettingError("MRU_API_KEYS is not set, and MRU_RATE_LIMIT_KEY is api-key.")
        return made
