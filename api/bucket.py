"""The one file of the API that knows S3: it puts what was posted into the bucket.

The settings bound how long a request waits when S3 does not answer.
"""

import dataclasses
import threading
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from api.answers import JSON_CONTENT_TYPE
from api.errors import BucketUnavailableError

_CLIENT: Final = {
    "connect_timeout": 1,
    "read_timeout": 3,
    "retries": {"total_max_attempts": 2, "mode": "standard"},
}


@dataclasses.dataclass(frozen=True)
class StoredObject:
    """One version of an object, as S3 named it."""

    bucket: str
    key: str
    etag: str
    version_id: str | None


class Bucket:
    """A bucket to write to. Nothing is opened before the first object is put."""

    def __init__(self, name: str, *, region: str) -> None:
        self._name = name
        self._region = region
        self._client: Any = None
        self._lock = threading.Lock()

    def put(self, key: str, body: bytes) -> StoredObject:
        """Stores a JSON file. Raises BucketUnavailableError unless S3 confirmed it."""
        try:
            answer = self._connected().put_object(
                Bucket=self._name, Key=key, Body=body, ContentType=JSON_CONTENT_TYPE
            )
        except (ClientError, BotoCoreError) as error:
            raise BucketUnavailableError("The bucket did not take the file.") from error
        etag = answer["ETag"].strip('"')  # as events have it
        return StoredObject(self._name, key, etag, answer.get("VersionId"))

    def _connected(self) -> Any:
        with self._lock:  # clients may be shared between threads, but not made by two at a time
            if self._client is None:
                self._client = _make_client(self._region)
            return self._client


def _make_client(region: str) -> Any:
    # Few APIs ever need it, and importing it takes longer than all the rest of them.
    import boto3  # noqa: PLC0415  as above
    from botocore.config import Config  # noqa: PLC0415  as above

    return boto3.client("s3", region_name=region, config=Config(**_CLIENT))
