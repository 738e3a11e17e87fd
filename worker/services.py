"""Whether the database and S3 serve: a question to each that costs little and has an end.

Neither asks about one import: what fails for one object alone is no outage.
"""

import functools
import time
from typing import Any, Final

import boto3.session
import psycopg2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from schemas.database import parameters
from schemas.settings import DatabaseSettings
from schemas.waiting import wait_for_answer
from worker.errors import DatabaseError, S3Error, one_line

_ASK_SECONDS: Final = 2
# No such object is expected: what matters is that S3 looks for it.
PROBE_KEY: Final = ".mru/does-s3-answer"
_SERVER_ERROR: Final = 500

# After a failover the old name may lead to a server that only reads.
_MAY_WRITE: Final = "SELECT current_setting('transaction_read_only') = 'off'"


def check_database(settings: DatabaseSettings) -> None:
    """Returns if a new connection could write. Raises DatabaseError within two seconds."""
    deadline = time.monotonic() + _ASK_SECONDS
    try:
        connection = psycopg2.connect(
            **parameters(settings), application_name="mru-worker-check", async_=True
        )
        try:
            wait_for_answer(connection, deadline, seconds=_ASK_SECONDS)
            cursor = connection.cursor()
            cursor.execute(_MAY_WRITE)
            wait_for_answer(connection, deadline, seconds=_ASK_SECONDS)
            (may_write,) = cursor.fetchone()
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise DatabaseError(one_line(error)) from error
    if not may_write:
        raise DatabaseError("The server is read-only.")


def check_s3(region: str, bucket: str) -> None:
    """Returns if S3 answers a GET in a bucket, even with a refusal. Raises S3Error."""
    try:
        _client(region).get_object(Bucket=bucket, Key=PROBE_KEY)["Body"].close()
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
        if status >= _SERVER_ERROR:
            raise S3Error(f"S3 answered {status}.") from error
    except BotoCoreError as error:
        raise S3Error(f"S3 did not answer: {one_line(error)}") from error


@functools.cache
def _client(region: str) -> Any:
    config = Config(
        connect_timeout=_ASK_SECONDS, read_timeout=_ASK_SECONDS, retries={"total_max_attempts": 1}
    )
    return boto3.session.Session().client("s3", region_name=region, config=config)
