"""The notifier's handler against a real HTTP server, in this process and as Lambda would run it."""

import json
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from notifier import handler
from notifier.handler import NotTakenError, handle
from schemas.signature import SignatureError, verify
from tests.builders import OLD_SECRET, SECRET

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "tests" / "events"
CONTEXT = SimpleNamespace(aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd")
ACCEPTED = (202, {"import": "/imports/1"})
REFUSED = (401, {"title": "Unauthorized"})
FULL = (503, {"title": "Service Unavailable", "detail": "The queue did not take it."})


class Api:
    """A server that notes what it is sent, and answers from a list (accepting after its end)."""

    def __init__(self) -> None:
        self.secrets = [SECRET]
        self.answers: list[tuple[int, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: list[tuple[str, int]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                now = self.headers["X-MRU-Timestamp"]
                signature = self.headers["X-MRU-Signature"]
                try:
                    verify(api.secrets, now, signature, body, now=time.time())
                except SignatureError:
                    self._answer(*REFUSED)
                    return
                api.bodies.append(json.loads(body))
                api.headers.append({"path": self.path, **dict(self.headers)})
                api.connections.append(self.client_address)
                status, answer = api.answers.pop(0) if api.answers else ACCEPTED
                self._answer(status, answer)

            def _answer(self, status: int, answer: Any) -> None:
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Location", "/imports/1")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """What the server thinks of it is not part of a test's output."""

        return Handler


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    api = Api()
    thread = threading.Thread(target=api.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("MRU_API_URL", api.url)
    monkeypatch.setenv("MRU_NOTIFICATION_SECRET", SECRET)
    monkeypatch.delenv("MRU_NOTIFICATION_SECRET_FILE", raising=False)
    handler._client.cache_clear()
    yield api
    handler._client().close()
    handler._client.cache_clear()
    api.server.shutdown()
    api.server.server_close()
    thread.join()


def load(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_object_is_posted_signed_with_its_request_id(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handle(load("put"), CONTEXT) == {"sent": 1, "ignored": 0}
    assert [body["key"] for body in api.bodies] == ["movies.json"]
    (headers,) = api.headers
    assert headers["path"] == "/notifications"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Request-ID"] == "C3D13FE58DE4C810"
    (line,) = lines(capsys)
    assert line["event"] == "notification sent"
    assert line["status"] == 202
    assert line["location"] == "/imports/1"
    assert line["request_id"] == "C3D13FE58DE4C810"


def test_one_connection_serves_many_records_and_invocations(api: Api) -> None:
    handle(load("several"), CONTEXT)
    handle(load("put"), CONTEXT)
    assert len(api.connections) == 3
    assert len(set(api.connections)) == 1


def test_a_test_event_is_not_posted(api: Api) -> None:
    assert handle(load("test-event"), CONTEXT) == {"sent": 0, "ignored": 0}
    assert api.bodies == []


def test_removals_are_ignored_beside_what_is_sent(api: Api) -> None:
    assert handle(load("several"), CONTEXT) == {"sent": 2, "ignored": 1}
    assert [body["key"] for body in api.bodies] == ["a.json", "b.json"]


def test_a_refusal_is_raised_after_every_record_was_tried(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answers = [FULL]
    with pytest.raises(NotTakenError) as raised:
        handle(load("several"), CONTEXT)
    assert "1 of 3 records failed: s3://movies-r-us/a.json: status 503" in str(raised.value)
    assert "The queue did not take it." in str(raised.value)
    assert [body["key"] for body in api.bodies] == ["a.json", "b.json"]
    assert [line["event"] for line in lines(capsys)] == [
        "notification refused",
        "notification sent",
        "record ignored",
    ]


def test_faults_that_the_api_names_are_passed_on(api: Api) -> None:
    problem = {"title": "Bad", "errors": [{"field": "size", "message": "Must be a whole number."}]}
    api.answers = [(422, problem)]
    with pytest.raises(NotTakenError, match=r"status 422 \(Bad, size: Must be a whole number.\)"):
        handle(load("put"), CONTEXT)


@pytest.mark.parametrize("answer", [b"<html>Bad Gateway</html>", b"[]", b"\xff", {"detail": None}])
def test_an_answer_of_a_stranger_is_a_refusal_too(api: Api, answer: Any) -> None:
    api.answers = [(502, answer)]
    with pytest.raises(NotTakenError, match=r"movies.json: status 502 \(Bad Gateway\)"):
        handle(load("put"), CONTEXT)


def test_a_redirection_is_not_taken_for_success(api: Api) -> None:
    api.answers = [(307, {})]
    with pytest.raises(NotTakenError, match="status 307"):
        handle(load("put"), CONTEXT)


def test_a_bad_record_does_not_keep_the_others_back(api: Api) -> None:
    event = load("several")
    event["Records"][0]["s3"]["object"]["key"] = None
    with pytest.raises(NotTakenError, match=r"1 of 3 .*s3.object.key must be str"):
        handle(event, CONTEXT)
    assert [body["key"] for body in api.bodies] == ["b.json"]


def test_a_secret_that_was_replaced_is_read_anew_once_the_old_one_is_refused(
    api: Api, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = boto3.client("secretsmanager", endpoint_url=aws, region_name="eu-west-1")
    arn = store.create_secret(Name="movies-r-us/replaced", SecretString=SECRET)["ARN"]
    monkeypatch.delenv("MRU_NOTIFICATION_SECRET")
    monkeypatch.setenv("MRU_NOTIFICATION_SECRET_ARN", arn)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    handle(load("put"), CONTEXT)

    store.put_secret_value(SecretId=arn, SecretString=f"{OLD_SECRET} {SECRET}")
    api.secrets = [OLD_SECRET, SECRET]
    handle(load("put"), CONTEXT)  # with the secret it has, which the API takes meanwhile
    api.secrets = [OLD_SECRET]
    with pytest.raises(NotTakenError, match="status 401"):
        handle(load("put"), CONTEXT)
    handle(load("put"), CONTEXT)  # Lambda's own second try
    assert len(api.bodies) == 3


def test_a_connection_that_went_stale_is_replaced(api: Api) -> None:
    handle(load("put"), CONTEXT)
    # As when the sandbox slept for longer than the API keeps an idle connection.
    connection = handler._client()._connection
    assert connection is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    handle(load("put"), CONTEXT)
    assert len(api.bodies) == 2
    assert len(set(api.connections)) == 2


def test_an_api_that_is_not_there_is_named(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and not listened on
        monkeypatch.setenv("MRU_API_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(NotTakenError, match=r"s3://movies-r-us/movies.json: no answer"):
            handle(load("put"), CONTEXT)
    (line,) = lines(capsys)
    assert line["event"] == "notification failed"
    assert "ConnectionRefusedError" in line["reason"]


def test_an_api_that_never_answers_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MRU_API_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MRU_NOTIFIER_READ_SECONDS", "1")
        started = time.monotonic()
        with pytest.raises(NotTakenError, match="TimeoutError"):
            handle(load("put"), CONTEXT)
        assert time.monotonic() - started < 3


def test_the_zip_runs_with_nothing_but_the_standard_library(api: Api, tmp_path: Path) -> None:
    archive = tmp_path / "notifier.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in sorted((ROOT / "notifier").glob("*.py")):
            zipped.write(file, f"notifier/{file.name}")
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        "from notifier.handler import handle;"
        "print(json.dumps(handle(json.load(sys.stdin), None)))"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-I", "-c", program, str(archive)],
        input=(EVENTS / "key-with-unicode.json").read_text(encoding="utf-8"),
        env={"MRU_API_URL": api.url, "MRU_NOTIFICATION_SECRET": SECRET},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    log, result = ran.stdout.splitlines()
    assert json.loads(log)["event"] == "notification sent"
    assert json.loads(result) == {"sent": 1, "ignored": 0}
    assert api.bodies[0]["key"] == "films/Amélie 映画.json"
