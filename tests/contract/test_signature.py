"""The two ends of a signature: the notifier's, which signs, and the schemas', by which the API
checks. The same vectors hold both, so that neither can change alone.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import notifier.handler
import schemas.signature
from schemas.signature import TOLERANCE_SECONDS, SignatureError, verify

VECTORS = json.loads((Path(__file__).parent / "signatures.json").read_text(encoding="utf-8"))
NOW = 1_790_000_000


@pytest.mark.parametrize("vector", VECTORS)
def test_both_ends_make_the_signature_that_is_written_down(vector: dict[str, Any]) -> None:
    for sign in (notifier.handler.sign, schemas.signature.sign):
        made = sign(vector["secret"], vector["timestamp"], vector["body"].encode())
        assert made == vector["signature"]


def signed(body: bytes, *, secret: str = "s3cret", timestamp: int = NOW) -> tuple[str, str]:
    return str(timestamp), notifier.handler.sign(secret, timestamp, body)


def test_what_the_notifier_signs_is_accepted() -> None:
    verify(["s3cret"], *signed(b"{}"), b"{}", now=NOW)


def test_both_secrets_are_accepted_while_one_replaces_the_other() -> None:
    verify(["new", "s3cret"], *signed(b"{}"), b"{}", now=NOW)
    verify(["new", "s3cret"], *signed(b"{}", secret="new"), b"{}", now=NOW)


@pytest.mark.parametrize("off", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_clocks_may_differ_by_the_tolerance(off: int) -> None:
    verify(["s3cret"], *signed(b"{}", timestamp=NOW + off), b"{}", now=NOW)


@pytest.mark.parametrize("off", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1])
def test_clocks_may_not_differ_by_more(off: int) -> None:
    with pytest.raises(SignatureError, match="seconds off"):
        verify(["s3cret"], *signed(b"{}", timestamp=NOW + off), b"{}", now=NOW)


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        (None, None),
        (str(NOW), None),
        (None, "v1=" + "0" * 64),
        (str(NOW), ""),
        (str(NOW), "v1=" + "0" * 64),
        (str(NOW), "v0=x"),
        (str(NOW), "\udcff"),
        ("soon", "v1=" + "0" * 64),
        ("-1", "v1=" + "0" * 64),
        ("9" * 400, "v1=" + "0" * 64),
        ("\u0661", "v1=" + "0" * 64),
    ],
)
def test_anything_else_is_refused(timestamp: str | None, signature: str | None) -> None:
    with pytest.raises(SignatureError):
        verify(["s3cret"], timestamp, signature, b"{}", now=NOW)


def test_another_body_timestamp_or_secret_is_refused() -> None:
    timestamp, signature = signed(b"{}")
    for secret, time, body in [
        ("s3cret", timestamp, b"{ }"),
        ("s3cret", str(NOW + 1), b"{}"),
        ("other", timestamp, b"{}"),
    ]:
        with pytest.raises(SignatureError, match="does not match"):
            verify([secret], time, signature, body, now=NOW)


def test_a_refusal_does_not_tell_what_the_right_signature_would_be() -> None:
    timestamp, signature = signed(b"{}")
    with pytest.raises(SignatureError) as raised:
        verify(["s3cret"], timestamp, "v1=0", b"{}", now=NOW)
    assert signature not in str(raised.value)
