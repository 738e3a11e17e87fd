"""The emulator is asked as a web page in a developer's browser would, and as programs do."""

import contextlib
import http.client
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.archive import pack_room
from local.cloud import HANDLER, CloudSettings, make_client, prepare_cloud
from local.visitors import names_of
from tests.builders import SECRET

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
SCOPE = "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/{}/aws4_request"
NOTIFIER = pack_room(ROOT / "notifier")
ALLOWED = "aws"  # moto takes a longer name for that of a bucket


@contextlib.contextmanager
def running_emulator(*options: str, **environment: str) -> Iterator[str]:
    emulator = subprocess.Popen(
        [sys.executable, "-m", "local.aws", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert emulator.stdout
    with emulator:
        try:
            yield emulator.stdout.readline().split()[1]
        finally:
            emulator.terminate()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with running_emulator("--allow-host", ALLOWED) as address:
        yield address


def ask(
    endpoint: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    path: str = "/",
    service: str = "s3",
    body: bytes = b"",
) -> tuple[int, Mapping[str, str], str]:
    """Asks as a program or a browser would, which sets each header itself."""
    host, port = endpoint.removeprefix("http://").split(":")
    signed = {"Host": f"{host}:{port}", "Authorization": SCOPE.format(service), **headers}
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=30)) as connection:
        connection.putrequest(method, path, skip_host=True)
        for name, value in {**signed, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read().decode()


def zip_of(source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", source)
    return packed.getvalue()


def settings_of(endpoint: str, **changes: Any) -> CloudSettings:
    told: dict[str, Any] = {
        "endpoint": endpoint,
        "region": REGION,
        "bucket": "visitors",
        "queue": "visitors",
        "max_receives": 10,
        "visibility_seconds": 45,
        "archive": NOTIFIER,
        "function_environment": {
            "MRU_API_URL": "http://127.0.0.1:1",
            "MRU_NOTIFICATION_SECRET": SECRET,
        },
    }
    return CloudSettings(**{**told, **changes})


REBOUND = [
    "rebind.evil.example",
    "rebind.evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "evil.example@127.0.0.1.evil.example",
    "0.0.0.0:{port}",
    "s3.amazonaws.com",
    "lambda.eu-west-1.amazonaws.com",
    "[",
    "",
]


@pytest.mark.parametrize("host", REBOUND)
@pytest.mark.parametrize("path", ["/", "/moto-api/", "/2015-03-31/functions/"])
def test_a_page_whose_name_was_rebound_is_rejected(endpoint: str, host: str, path: str) -> None:
    header = host.format(port=endpoint.rpartition(":")[2])
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        status, _, text = ask(endpoint, {"Host": header}, method=method, path=path)
        assert (status, text) == (
            403,
            "The emulator answers under its own host names alone: see --allow-host.\n",
        )


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_origin_is_rejected_and_its_origin_not_reflected(
    endpoint: str, headers: dict[str, str]
) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        status, answered, text = ask(endpoint, headers, method=method)
        assert (status, text) == (403, "The emulator answers no web page.\n")
        assert [name for name in answered if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:4566", ALLOWED])
def test_programs_are_answered_under_its_own_names(endpoint: str, host: str) -> None:
    assert ask(endpoint, {"Host": host})[0] == 200
    assert ask(endpoint, {"Host": host, "Sec-Fetch-Site": "none"})[0] == 200  # typed by a person


def test_where_it_prepares_itself_it_knows_the_name_that_the_components_call_it() -> None:
    assert "aws" in names_of("0.0.0.0", ["aws"])
    assert "0.0.0.0" not in names_of("0.0.0.0")
    assert "10.1.2.3" in names_of("10.1.2.3")


def test_only_the_notifier_can_be_deployed(endpoint: str) -> None:
    evil = zip_of("import os\ndef handle(event, context): return os.getuid()")
    client = make_client("lambda", endpoint, REGION)
    known = client.list_functions()["Functions"]
    with pytest.raises(ClientError, match="The emulator runs the notifier's zip alone"):
        prepare_cloud(settings_of(endpoint, archive=evil))
    assert client.list_functions()["Functions"] == known
    function = prepare_cloud(settings_of(endpoint)).function_arn
    with pytest.raises(ClientError, match="The emulator runs the notifier's zip alone"):
        client.update_function_code(FunctionName=function, ZipFile=evil)
    s3 = make_client("s3", endpoint, REGION)
    s3.put_object(Bucket="visitors", Key="evil.zip", Body=evil)
    with pytest.raises(ClientError, match="The emulator runs the notifier's zip alone"):
        client.update_function_code(FunctionName=function, S3Bucket="visitors", S3Key="evil.zip")
    answer = client.invoke(FunctionName=function, Payload=b'{"Event": "s3:TestEvent"}')
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_only_the_notifiers_handler_runs(endpoint: str, tmp_path: Path) -> None:
    function = prepare_cloud(settings_of(endpoint)).function_arn
    client = make_client("lambda", endpoint, REGION)
    client.update_function_configuration(FunctionName=function, Handler="timeit.timeit")
    left = tmp_path / "left"
    payload = json.dumps(f"open({str(left)!r}, 'w')").encode()
    try:
        with pytest.raises(ClientError, match=f"The emulator runs {re.escape(HANDLER)} alone"):
            client.invoke(FunctionName=function, Payload=payload)
        assert not left.exists()
    finally:
        client.update_function_configuration(FunctionName=function, Handler=HANDLER)
