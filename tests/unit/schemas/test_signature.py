"""Signatures: the notifier's are taken, everything else is refused with a reason."""

import hashlib
import hmac
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.signature import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE_SECONDS,
    SignatureError,
    sign,
    verify,
)

# A machine that is busy with something else is no failure.
PATIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOW: Final = 1_790_000_000
BODY: Final = b'{"bucket":"movies-r-us","key":"movies.json"}'
SECRET: Final = "the current secret"
OLD_SECRET: Final = "the secret on its way out"


def check(
    timestamp: str | None = str(NOW),
    signature: str | None = sign(SECRET, NOW, BODY),
    *,
    body: bytes = BODY,
    secrets: tuple[str, ...] = (SECRET,),
    now: float = NOW,
) -> None:
    verify(secrets, timestamp, signature, body, now=now)


def test_a_signature_is_an_hmac_of_time_and_body() -> None:
    # Written out, because the notifier repeats it and old notifiers go on signing like this.
    digest = hmac.new(SECRET.encode(), f"{NOW}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert sign(SECRET, NOW, BODY) == f"v1={digest}"
    assert sign("s", 0, b"") == (
        "v1=2572e102ebbc88d57bc0ef48471ee28bb7fc8c6e9c0558b3c8e5d276f84ac9c3"
    )


@PATIENT
@given(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(0, 10**11), st.binary())
def test_what_was_signed_is_taken(secret: str, timestamp: int, body: bytes) -> None:
    signature = sign(secret, timestamp, body)
    check(str(timestamp), signature, body=body, secrets=(secret,), now=timestamp)


@pytest.mark.parametrize("seconds", [-TOLERANCE_SECONDS, 0, 0.5, TOLERANCE_SECONDS])
def test_clocks_may_differ_by_the_tolerance(seconds: float) -> None:
    check(now=NOW + seconds)


@pytest.mark.parametrize("seconds", [TOLERANCE_SECONDS + 0.001, 86_400, 10**12])
def test_a_stale_notification_is_refused(seconds: float) -> None:
    with pytest.raises(SignatureError, match="more than 300 seconds off"):
        check(now=NOW + seconds)


@pytest.mark.parametrize("seconds", [TOLERANCE_SECONDS + 0.001, 86_400])
def test_a_notification_from_the_future_is_refused(seconds: float) -> None:
    with pytest.raises(SignatureError, match="more than 300 seconds off"):
        check(now=NOW - seconds)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"movies.json", b"other.json")])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureError, match="does not match the body"):
        check(body=body)


def test_a_signature_cannot_be_given_a_fresh_timestamp() -> None:
    with pytest.raises(SignatureError, match="does not match the body"):
        check(str(NOW + 1))


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        (None, sign(SECRET, NOW, BODY)),
        ("", sign(SECRET, NOW, BODY)),
        (str(NOW), None),
        (str(NOW), ""),
        (None, None),
    ],
)
def test_a_missing_header_is_refused_and_both_are_named(
    timestamp: str | None, signature: str | None
) -> None:
    with pytest.raises(SignatureError, match=f"{TIMESTAMP_HEADER} and {SIGNATURE_HEADER}"):
        check(timestamp, signature)


@pytest.mark.parametrize(
    "timestamp",
    [
        *("now", f"{NOW}.0", f"-{NOW}", f"+{NOW}", f" {NOW}", f"{NOW}\n", "1_790_000_000"),
        *("9" * 13, "9" * 10_000, "١٧٩٠٠٠٠٠٠٠", "²", "\ud83d"),
    ],
)
def test_a_timestamp_that_is_no_decimal_number_is_refused(timestamp: str) -> None:
    with pytest.raises(SignatureError, match="must be whole seconds since 1970"):
        check(timestamp)


@PATIENT
@given(st.text(st.characters(exclude_categories=()), min_size=1))
@example("v1=" + "ä" * 64)
@example("v1=\udcff")
@example("v1=\ud83d")
@example(sign(SECRET, NOW, BODY).upper())
@example(sign(SECRET, NOW, BODY).removeprefix("v1="))
@example(sign(SECRET, NOW, BODY) + "\n")
def test_any_other_signature_is_refused(signature: str) -> None:
    with pytest.raises(SignatureError, match=r"does not match the body|64 hexadecimal digits"):
        check(signature=signature)


@PATIENT
@given(st.text(st.characters(exclude_categories=())), st.text(), st.binary())
def test_nothing_but_a_signature_error_comes_of_strange_headers(
    timestamp: str, signature: str, body: bytes
) -> None:
    with pytest.raises(SignatureError):
        check(timestamp, signature, body=body)


@pytest.mark.parametrize("secrets", [(SECRET, OLD_SECRET), (OLD_SECRET, SECRET)])
def test_either_of_two_secrets_is_good_while_one_is_being_replaced(
    secrets: tuple[str, ...],
) -> None:
    check(signature=sign(SECRET, NOW, BODY), secrets=secrets)
    check(signature=sign(OLD_SECRET, NOW, BODY), secrets=secrets)


@pytest.mark.parametrize("secrets", [(), (OLD_SECRET,), (SECRET[:-1],), (f"{SECRET} ",)])
def test_a_secret_that_is_not_valid_here_is_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(SignatureError, match="does not match the body"):
        check(secrets=secrets)


def test_a_refusal_does_not_say_what_would_have_been_right() -> None:
    with pytest.raises(SignatureError) as caught:
        check(body=b"forged")
    assert sign(SECRET, NOW, b"forged").removeprefix("v1=") not in str(caught.value)
    assert SECRET not in str(caught.value)
