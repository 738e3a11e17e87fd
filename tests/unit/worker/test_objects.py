"""What S3 is asked, before anything is sent."""

from collections.abc import Callable
from typing import Any

import pytest

from worker.objects import make_client

ASKED: dict[str, Callable[[Any], Any]] = {
    "get": lambda s3: s3.get_object(Bucket="bucket", Key="key"),
    "list": lambda s3: list(s3.get_paginator("list_objects_v2").paginate(Bucket="bucket")),
}


class _SentError(Exception):
    pass


def headers_of(ask: Callable[[Any], Any], owner: str | None, patch: pytest.MonkeyPatch) -> Any:
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    seen = []

    def stop(request: Any, **_: Any) -> None:
        seen.append(request.headers)
        raise _SentError

    client = make_client("eu-west-1", owner)
    client.meta.events.register("before-send.s3", stop)
    with pytest.raises(_SentError):
        ask(client)
    client.close()
    return seen[0]


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_s3_is_told_whose_bucket_it_has_to_be(
    ask: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = headers_of(ask, "123456789012", monkeypatch)
    assert headers["x-amz-expected-bucket-owner"] in ("123456789012", b"123456789012")


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_without_an_owner_s3_is_told_none(
    ask: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "x-amz-expected-bucket-owner" not in headers_of(ask, None, monkeypatch)
