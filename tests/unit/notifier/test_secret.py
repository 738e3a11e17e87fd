"""The request for the signing secret: signed as botocore signs it, and answered by an emulator."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from notifier.secret import Credentials, SecretError, fetch_secret, sign_request
from notifier.settings import SettingError, read_settings
from tests.builders import OLD_SECRET, SECRET

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "token",
    "AWS_REGION": "eu-west-1",
}


@pytest.mark.parametrize("token", ["token", ""])
def test_a_request_is_signed_as_botocore_signs_it(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = Credentials.of(ENVIRONMENT | {"AWS_SESSION_TOKEN": token})
    body = json.dumps({"SecretId": "arn:one"}).encode()
    now = datetime(2026, 3, 1, 12, 30, 45, tzinfo=UTC)
    host = "secretsmanager.eu-west-1.amazonaws.com"
    ours = sign_request(body, host, credentials, now)

    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    signed = {"content-type", "x-amz-target"}
    request = AWSRequest(
        "POST", f"https://{host}/", headers={name: ours[name] for name in signed}, data=body
    )
    theirs = BotoCredentials(credentials.access_key, credentials.secret_key, token or None)
    SigV4Auth(theirs, "secretsmanager", "eu-west-1").add_auth(request)
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
    assert ours["authorization"] == request.headers["Authorization"]


def test_the_secret_is_read_from_secrets_manager(aws: str) -> None:
    client = boto3.client("secretsmanager", endpoint_url=aws, region_name="eu-west-1")
    arn = client.create_secret(
        Name="movies-r-us/notification", SecretString=f"{SECRET} {OLD_SECRET}"
    )["ARN"]
    environment = ENVIRONMENT | {"AWS_ENDPOINT_URL": aws}
    assert fetch_secret(arn, environment) == f"{SECRET} {OLD_SECRET}"
    told = {"MRU_API_URL": "http://api", "MRU_NOTIFICATION_SECRET_ARN": arn}
    assert read_settings(environment | told).secret == SECRET


def test_a_secret_that_cannot_be_read_is_told_by_its_variable(aws: str) -> None:
    environment = ENVIRONMENT | {"AWS_ENDPOINT_URL": aws, "MRU_API_URL": "http://api"}
    missing = {"MRU_NOTIFICATION_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:1:secret:none"}
    with pytest.raises(SettingError, match=r"MRU_NOTIFICATION_SECRET_ARN: .*ResourceNotFound"):
        read_settings(environment | missing)


def test_no_answer_and_no_credentials_are_said_plainly() -> None:
    with pytest.raises(SecretError, match="does not answer"):
        fetch_secret("arn:one", ENVIRONMENT | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    nowhere = {name: value for name, value in ENVIRONMENT.items() if name != "AWS_REGION"}
    with pytest.raises(SecretError, match="AWS_REGION is not set"):
        fetch_secret("arn:one", nowhere)
