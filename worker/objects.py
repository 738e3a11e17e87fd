"""Objects in S3: one GET, pinned to the version that was announced, and what its failures mean."""

import contextlib
import dataclasses
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from urllib3.exceptions import HTTPError

from schemas.imports import ErrorCode
from schemas.notification import Notification
from worker.errors import PermanentError, S3Error, SupersededError, UnopenedError

_OPERATIONS: Final = ("GetObject", "HeadObject", "ListObjectsV2", "ListObjectVersions")
_READ_BYTES: Final = 256 * 1024
_PERMANENT: Final = {
    "NoSuchKey": ErrorCode.MISSING_OBJECT,
    "NoSuchVersion": ErrorCode.MISSING_OBJECT,
    "MethodNotAllowed": ErrorCode.MISSING_OBJECT,  # the version is a delete marker
    "NoSuchBucket": ErrorCode.MISSING_BUCKET,
    "AccessDenied": ErrorCode.ACCESS_DENIED,
    "AllAccessDisabled": ErrorCode.ACCESS_DENIED,
    "InvalidObjectState": ErrorCode.ACCESS_DENIED,  # archived: it has to be restored first
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ObjectVersion:
    """What S3 says an object is at the moment of reading. `size` is in bytes, as stored."""

    bucket: str
    key: str
    version_id: str
    etag: str
    last_modified: datetime
    size: int


@dataclasses.dataclass(frozen=True)
class OpenObject:
    """An object whose body can be read, once."""

    version: ObjectVersion
    body: "CountedBody"


class CountedBody(io.RawIOBase):
    """The body as a stream that counts its bytes and calls a broken connection transient."""

    def __init__(self, body: Any, size: int) -> None:
        super().__init__()
        self._body = body
        self._size = size
        self.bytes_read = 0
        self.seconds = 0.0  # spent in waiting for S3

    def readable(self) -> bool:
        """Tells io.BufferedReader that it may read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads up to the buffer's length. Raises S3Error where the connection breaks."""
        started_at = time.monotonic()
        try:
            data = self._body.read(len(buffer))
        except (HTTPClientError, IncompleteReadError, HTTPError, OSError) as error:
            raise S3Error(f"S3 broke off after {self.bytes_read} bytes: {error}") from error
        if not data and self.bytes_read < self._size:
            raise S3Error(f"S3 ended after {self.bytes_read} of {self._size} bytes.")
        self.seconds += time.monotonic() - started_at
        buffer[: len(data)] = data
        self.bytes_read += len(data)
        return len(data)

    def interrupt(self) -> None:
        """Ends at once a read in which another thread waits for S3."""
        # An error says that the body is read to its end, or closed.
        with contextlib.suppress(RuntimeError, ValueError, OSError):
            self._body._raw_stream.shutdown()  # noqa: SLF001  botocore has no public way to it


def make_client(region: str, bucket_owner: str | None = None) -> Any:
    """Returns an S3 client that answers or fails within bounds; made after the worker's fork.

    Where a `bucket_owner` is given (the number of an AWS account), S3 denies it access to buckets
    of others, whatever their policies allow.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    client = boto3.client("s3", region_name=region, config=config)
    if bucket_owner is not None:

        def expect(params: dict[str, Any], **_: Any) -> None:
            params["ExpectedBucketOwner"] = bucket_owner

        for operation in _OPERATIONS:
            client.meta.events.register(f"provide-client-params.s3.{operation}", expect)
    return client


@contextmanager
def open_object(client: Any, notification: Notification) -> Iterator[OpenObject]:
    """Opens the version that the notification means: by its id, else by its etag, else the latest.

    Raises PermanentError (no such object, no access), SupersededError (overwritten meanwhile) or
    UnopenedError (S3 does not answer, or not well).
    """
    response = _get(client, notification)
    version = ObjectVersion(
        bucket=notification.bucket,
        key=notification.key,
        version_id=_version_id(response),
        etag=response["ETag"].strip('"'),
        last_modified=response["LastModified"],
        size=response["ContentLength"],
    )
    try:
        yield OpenObject(version, CountedBody(response["Body"], version.size))
    finally:
        response["Body"].close()


def buffered(opened: OpenObject) -> io.BufferedReader:
    """Returns the body behind a buffer of a size that suits S3."""
    return io.BufferedReader(opened.body, _READ_BYTES)


def _get(client: Any, notification: Notification) -> Any:
    request = {"Bucket": notification.bucket, "Key": notification.key}
    if notification.version_id:
        request["VersionId"] = notification.version_id
    elif notification.etag:
        request["IfMatch"] = f'"{notification.etag}"'
    try:
        return client.get_object(**request)
    except ClientError as error:
        raise _meaning(error, notification) from error
    except BotoCoreError as error:
        raise UnopenedError(f"S3 did not answer: {error}") from error


def _meaning(
    error: ClientError, notification: Notification
) -> PermanentError | SupersededError | UnopenedError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    place = f"s3://{notification.bucket}/{notification.key}"
    if status == 412:
        return SupersededError(f"{place} was overwritten before it could be read.")
    if code in _PERMANENT:
        return PermanentError(_PERMANENT[code], f"{place}: {_words(error)}")
    if status == 404:
        return PermanentError(ErrorCode.MISSING_OBJECT, f"{place}: {_words(error)}")
    if status == 403 and not code.startswith(("RequestTimeTooSkewed", "ExpiredToken")):
        return PermanentError(ErrorCode.ACCESS_DENIED, f"{place}: {_words(error)}")
    return UnopenedError(f"S3 answered {status} {code} for {place}.")


def _words(error: ClientError) -> str:
    details = error.response.get("Error", {})
    return f"{details.get('Message', 'no reason given').rstrip('.')} ({details.get('Code')})."


def _version_id(response: Any) -> str:
    version: str = response.get("VersionId", "")
    return "" if version == "null" else version  # "null" names objects older than versioning
