"""Reads the signing secret from AWS Secrets Manager, signed as AWS asks (Signature Version 4).

The standard library alone: one request, made when a sandbox starts, is not worth a package. The
steps and their names are those of "Create a signed AWS API request" in the IAM User Guide.
"""

import dataclasses
import hashlib
import hmac
import http.client
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

_SERVICE: Final = "secretsmanager"
_TARGET: Final = "secretsmanager.GetSecretValue"
_CONTENT_TYPE: Final = "application/x-amz-json-1.1"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SECONDS: Final = 5


class SecretError(Exception):
    """The secret cannot be read; the message says why and never quotes it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who asks. Lambda tells every function in its environment."""

    access_key: str
    secret_key: str = dataclasses.field(repr=False)
    session_token: str = dataclasses.field(repr=False)
    region: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Credentials":
        """Reads them. Raises SecretError, which names what is missing."""
        try:
            return cls(
                access_key=environ["AWS_ACCESS_KEY_ID"],
                secret_key=environ["AWS_SECRET_ACCESS_KEY"],
                session_token=environ.get("AWS_SESSION_TOKEN", ""),
                region=environ["AWS_REGION"],
            )
        except KeyError as error:
            raise SecretError(f"{error.args[0]} is not set.") from None


def fetch_secret(secret_id: str, environ: Mapping[str, str]) -> str:
    """Returns a secret's text. Raises SecretError."""
    credentials = Credentials.of(environ)
    host = f"{_SERVICE}.{credentials.region}.amazonaws.com"
    url = urlsplit(environ.get("AWS_ENDPOINT_URL") or f"https://{host}")
    body = json.dumps({"SecretId": secret_id}).encode()
    headers = sign_request(body, url.netloc, credentials, datetime.now(UTC))
    try:
        status, content = _post(url, body, headers)
        answer = json.loads(content)
        if status == http.client.OK:
            return str(answer["SecretString"])
        reason = str(answer.get("__type", status)).rpartition("#")[2]
    except (OSError, http.client.HTTPException) as error:
        raise SecretError(f"Secrets Manager does not answer: {type(error).__name__}.") from error
    except (ValueError, KeyError, AttributeError):
        raise SecretError("Secrets Manager answered something else than a secret.") from None
    raise SecretError(f"Secrets Manager refused: {reason}.")


def sign_request(body: bytes, host: str, credentials: Credentials, now: datetime) -> dict[str, str]:
    """Returns the headers of a POST to `/`, its signature among them."""
    time = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": _CONTENT_TYPE, "host": host, "x-amz-date": time}
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    headers["x-amz-target"] = _TARGET
    names = ";".join(headers)
    canonical = "\n".join(
        [
            *("POST", "/", ""),
            *(f"{name}:{value}" for name, value in headers.items()),
            *("", names, hashlib.sha256(body).hexdigest()),
        ]
    )
    scope = f"{time[:8]}/{credentials.region}/{_SERVICE}/aws4_request"
    text = "\n".join([_ALGORITHM, time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    headers["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers


def _post(url: SplitResult, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    https = url.scheme == "https"
    kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=_SECONDS)
    try:
        connection.request("POST", "/", body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
