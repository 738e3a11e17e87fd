"""How a notification is signed, so that the API takes it from the notifier and nobody else.

HMAC-SHA256 over `timestamp + "." + body`, in hexadecimal, with a secret that both ends hold. The
notifier, which imports nothing of ours, repeats `sign`; a contract test holds the two together.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

TIMESTAMP_HEADER: Final = "X-MRU-Timestamp"  # whole seconds since 1970, UTC, in decimal
SIGNATURE_HEADER: Final = "X-MRU-Signature"  # "v1=" and 64 hexadecimal digits
TOLERANCE_SECONDS: Final = 300
_SIGNATURE: Final = re.compile(r"v1=[0-9A-Fa-f]{64}")


class SignatureError(Exception):
    """The notification is not signed by a secret that is valid here and now."""


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Returns the value of the signature header."""
    message = str(timestamp).encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def verify(
    secrets: Sequence[str], timestamp: str | None, signature: str | None, body: bytes, *, now: float
) -> None:
    """Checks a signed body against every valid secret (two while one is being replaced).

    `now` is in seconds since 1970. Raises SignatureError, which says what is wrong with the
    signature but never what a right one would have been.
    """
    timestamp, signature = verify_headers(timestamp, signature, now=now)
    # Every secret is tried, so that the time taken does not tell which one matched.
    matches = [
        hmac.compare_digest(sign(secret, int(timestamp), body), signature) for secret in secrets
    ]
    if not any(matches):
        raise SignatureError("The signature does not match the body.")


def verify_headers(timestamp: str | None, signature: str | None, *, now: float) -> tuple[str, str]:
    """Checks what can be checked of a signature without its body, and returns both headers.

    Raises SignatureError.
    """
    if not timestamp or not signature:
        raise SignatureError(f"The headers {TIMESTAMP_HEADER} and {SIGNATURE_HEADER} are required.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureError(f"{TIMESTAMP_HEADER} must be whole seconds since 1970.")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise SignatureError(f"{TIMESTAMP_HEADER} is more than {TOLERANCE_SECONDS} seconds off.")
    if not _SIGNATURE.fullmatch(signature):
        raise SignatureError(f"{SIGNATURE_HEADER} must be v1= and 64 hexadecimal digits.")
    return timestamp, signature
