"""The API's settings: one frozen dataclass, read and checked once at start.

Limits that nobody has to change are constants beside the code that keeps them.
"""

import dataclasses
from enum import StrEnum
from typing import Final, Self
from urllib.parse import urlsplit

from api.limiting.settings import RateLimit
from schemas.settings import DatabaseSettings, Environment, LogFormat, SettingError
from schemas.traces import FLASK

SEARCHING: Final = 4  # threads of a process; each may use a connection to the database
TRACED: Final = (FLASK, "celery", "botocore", "psycopg2")  # what writes spans, if anything does


class Visibility(StrEnum):
    """Who may see imports."""

    PUBLIC = "public"
    OPERATORS = "operators"
    OFF = "off"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the API has to be told.

    Objects of any of the `buckets` are imported; what is posted goes into the first of them.
    In each process `costly_searches` may run at once. Whoever presents one of the `operator_tokens`
    is an operator.
    """

    database: DatabaseSettings
    region: str
    queue_url: str
    buckets: tuple[str, ...]
    notification_secrets: tuple[str, ...] = dataclasses.field(repr=False)
    allow_post_movies: bool
    costly_searches: int
    imports_visibility: Visibility
    operator_tokens: tuple[str, ...] = dataclasses.field(repr=False)
    show_invalid_records: bool
    rate_limit: RateLimit
    log_format: LogFormat

    @property
    def nobody_sees_imports(self) -> bool:
        """Whether imports are for operators, and no operator can prove to be one."""
        return self.imports_visibility is Visibility.OPERATORS and not self.operator_tokens

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads every setting. Raises SettingError, which names the variable."""
        return cls(
            database=DatabaseSettings.read(environment),
            region=environment.text("AWS_REGION"),
            queue_url=_read_url(environment, "MRU_QUEUE_URL"),
            buckets=environment.listing("MRU_BUCKETS"),
            notification_secrets=environment.secrets("MRU_NOTIFICATION_SECRET"),
            allow_post_movies=environment.boolean("MRU_ALLOW_POST_MOVIES", default=False),
            costly_searches=environment.integer(
                "MRU_COSTLY_SEARCHES", 1, minimum=1, maximum=SEARCHING
            ),
            imports_visibility=environment.choice("MRU_IMPORTS_VISIBILITY", Visibility.OPERATORS),
            operator_tokens=environment.optional_secrets("MRU_OPERATOR_TOKEN"),
            show_invalid_records=environment.boolean("MRU_SHOW_INVALID_RECORDS", default=False),
            rate_limit=RateLimit.read(environment),
            log_format=environment.choice("MRU_LOGS", LogFormat.JSON),
        )


def _read_url(environment: Environment, name: str) -> str:
    url = environment.text(name)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise SettingError(f"{name} must be an http or https URL, not {url!r}.")
    return url
