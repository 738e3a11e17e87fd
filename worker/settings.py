"""The worker's settings, read and checked once at start. docs/configuration.md explains each.

An operator's command reads only those that it needs, which are functions of their own here.
"""

import dataclasses
import re
from typing import Final, Self

from schemas.imports import OnError
from schemas.metrics import Bind
from schemas.settings import DatabaseSettings, Environment, LogFormat, SettingError
from worker.rules import Rules
from worker.rules_file import read_rules

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
SETTINGS: Final = "mru_settings"  # where they stand in the Celery app's configuration


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of a file is read before it is refused, and how much of it is kept in mind."""

    max_object_bytes: int = 5 * GIB
    max_unpacked_bytes: int = 20 * GIB
    max_unpack_ratio: int = 50  # of what is unpacked to what is stored; real files have 4 to 10
    max_record_bytes: int = MIB
    max_nesting: int = 64
    max_listed_errors: int = 100
    chunk_records: int = 5_000
    max_faults: int = 10_000  # more, and a file that has many is not read on
    chunk_bytes: int = 8 * MIB  # of the records' text; three chunks are in memory at a time

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads the MRU_MAX_* variables and MRU_CHUNK_RECORDS."""
        whole = environment.integer
        return cls(
            max_object_bytes=whole(
                "MRU_MAX_OBJECT_BYTES", cls.max_object_bytes, minimum=1, maximum=5 * KIB * GIB
            ),
            max_unpacked_bytes=whole(
                "MRU_MAX_UNPACKED_BYTES", cls.max_unpacked_bytes, minimum=1, maximum=50 * KIB * GIB
            ),
            max_unpack_ratio=whole(
                "MRU_MAX_UNPACK_RATIO", cls.max_unpack_ratio, minimum=1, maximum=1_000_000
            ),
            max_record_bytes=whole(
                "MRU_MAX_RECORD_BYTES", cls.max_record_bytes, minimum=KIB, maximum=64 * MIB
            ),
            max_nesting=whole("MRU_MAX_NESTING", cls.max_nesting, minimum=2, maximum=500),
            max_listed_errors=whole(
                "MRU_MAX_LISTED_ERRORS", cls.max_listed_errors, minimum=1, maximum=100_000
            ),
            chunk_records=whole("MRU_CHUNK_RECORDS", cls.chunk_records, minimum=1, maximum=100_000),
        )


def read_region(environment: Environment) -> str:
    """Reads AWS_REGION: all that S3 needs, beside what boto3 finds by itself."""
    return environment.text("AWS_REGION")


def read_bucket_owner(environment: Environment) -> str | None:
    """Reads MRU_BUCKET_OWNER, the number of the AWS account that the buckets are to belong to."""
    owner = environment.optional("MRU_BUCKET_OWNER")
    if owner is not None and not re.fullmatch("[0-9]{12}", owner):
        raise SettingError(f"MRU_BUCKET_OWNER must be the 12 digits of an account, not {owner!r}.")
    return owner


def read_queue_url(environment: Environment) -> str:
    """Reads MRU_QUEUE_URL."""
    return environment.text("MRU_QUEUE_URL")


def read_on_error(environment: Environment) -> OnError:
    """Reads MRU_ON_ERROR."""
    return environment.choice("MRU_ON_ERROR", OnError.FAIL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the worker is told from outside."""

    database: DatabaseSettings
    region: str
    queue_url: str
    buckets: tuple[str, ...]
    bucket_owner: str | None
    on_error: OnError
    rules: Rules
    limits: Limits
    task_seconds: int
    visibility_seconds: int
    retry_seconds: int
    max_receives: int
    concurrency: int
    wait_time_seconds: int
    heartbeat_file: str | None
    metrics: Bind | None
    log_format: LogFormat

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads the worker's variables. Raises SettingError, which names the wrong one."""
        whole = environment.integer
        return cls(
            database=DatabaseSettings.read(environment),
            region=read_region(environment),
            queue_url=read_queue_url(environment),
            buckets=environment.listing("MRU_BUCKETS"),
            bucket_owner=read_bucket_owner(environment),
            on_error=read_on_error(environment),
            rules=_rules_of_its_buckets(environment),
            limits=Limits.read(environment),
            task_seconds=whole("MRU_TASK_SECONDS", 3_600, minimum=10, maximum=36_000),
            visibility_seconds=whole("MRU_VISIBILITY_SECONDS", 120, minimum=5, maximum=43_200),
            retry_seconds=whole("MRU_RETRY_SECONDS", 15, minimum=1, maximum=900),
            max_receives=whole("MRU_MAX_RECEIVES", 10, minimum=1, maximum=1_000),
            concurrency=whole("MRU_CONCURRENCY", 1, minimum=1, maximum=64),
            wait_time_seconds=whole("MRU_WAIT_TIME_SECONDS", 10, minimum=1, maximum=20),
            heartbeat_file=environment.optional("MRU_HEARTBEAT_FILE"),
            metrics=Bind.read(environment),
            log_format=environment.choice("MRU_LOGS", LogFormat.JSON),
        )


def _rules_of_its_buckets(environment: Environment) -> Rules:
    """Reads the rules. Raises SettingError, also for a rule about a bucket that is not imported."""
    rules, buckets = read_rules(environment), environment.listing("MRU_BUCKETS")
    for number, rule in enumerate(rules.listed, 1):
        if rule.bucket is not None and rule.bucket not in buckets:
            raise SettingError(
                f"MRU_RULES names {environment.text('MRU_RULES')}, in which rule {number}: bucket: "
                f"{rule.bucket!r} is none of MRU_BUCKETS."
            )
    return rules
