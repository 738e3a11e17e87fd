"""The local Lambda: a PUT into the bucket runs the zip that was deployed, as AWS would run it."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from local.archive import pack_room
from local.cloud import Cloud, CloudSettings, make_client, prepare_cloud
from local.lambda_invoker import Invoker
from local.lambda_sandbox import Function

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
DEADLINE_SECONDS = 10

# Writes down what it is called with, and what of the world it sees.
RECORDER = """
import json, os, sys
def handle(event, context):
    seen = {"event": event, "id": context.aws_request_id, "environment": dict(os.environ),
            "path": sys.path, "left": context.get_remaining_time_in_millis()}
    with open(os.environ["RECORD"], "a") as record:
        record.write(json.dumps(seen) + "\\n")
    print("recorded")
    return {"seen": True}
"""

# Does what its event says.
OBEDIENT = """
import os, time
def handle(event, context):
    with open(os.environ["RECORD"], "a") as record:
        record.write(context.aws_request_id + "\\n")
    if event == "fail": raise ValueError("as it was told")
    if event == "die": os._exit(7)
    if event == "sleep": time.sleep(60)
    return os.getpid()
"""


def zipped(source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notifier/__init__.py", "")
        archive.writestr("notifier/handler.py", source)
    return packed.getvalue()


def make_function(folder: Path, source: str = OBEDIENT, *, timeout_seconds: float = 10) -> Function:
    archive = folder / "function.zip"
    archive.write_bytes(zipped(source))
    return Function(
        name="obedient",
        arn="arn:aws:lambda:eu-west-1:123456789012:function:obedient",
        handler="notifier.handler.handle",
        archive=archive,
        environment=(("RECORD", str(folder / "record")),),
        timeout_seconds=timeout_seconds,
    )


def lines_of(file: Path, count: int) -> list[str]:
    """Returns the lines of a file once there are so many."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not file.exists() or len(file.read_text().splitlines()) < count:
        assert time.monotonic() < deadline, f"in vain: {count} lines in {file.name}"
        time.sleep(0.01)
    return file.read_text().splitlines()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)


@pytest.fixture
def invoker() -> Iterator[Invoker]:
    with open_invoker() as made:
        yield made


@contextlib.contextmanager
def open_invoker(**options: Any) -> Iterator[Invoker]:
    made = Invoker(retry_pauses_seconds=(0.01, 0.02), **options)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A whole emulator, in a process of its own."""
    emulator = subprocess.Popen(
        [sys.executable, "-m", "local.aws", "--any-function", "--retry-pauses", "0.01,0.01"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert emulator.stdout
    with emulator:
        yield emulator.stdout.readline().split()[1]
        emulator.terminate()
        emulator.stdout.read()
    assert emulator.returncode == 0


def deploy(endpoint: str, bucket: str, source: str, **environment: str) -> Cloud:
    return prepare_cloud(
        CloudSettings(
            endpoint=endpoint,
            region=REGION,
            bucket=bucket,
            queue=bucket,
            max_receives=10,
            visibility_seconds=45,
            archive=zipped(source),
            function_environment=environment,
        )
    )


def test_a_put_runs_the_deployed_zip(endpoint: str, tmp_path: Path) -> None:
    deploy(endpoint, "puts", RECORDER, RECORD=str(tmp_path / "record"))
    s3 = make_client("s3", endpoint, REGION)
    s3.put_object(Bucket="puts", Key="a b/ü.json", Body=b"[]")
    seen = json.loads(lines_of(tmp_path / "record", 1)[0])
    described = seen["event"]["Records"][0]["s3"]
    assert described["bucket"]["name"] == "puts"
    assert described["object"]["key"] == "a+b%2F%C3%BC.json"
    assert described["object"]["size"] == 2
    s3.close()


def test_an_upload_with_plain_http_runs_it_too(endpoint: str, tmp_path: Path) -> None:
    deploy(endpoint, "plain", RECORDER, RECORD=str(tmp_path / "record"))
    put = urllib.request.Request(f"{endpoint}/plain/movies.json", data=b"[]", method="PUT")
    with urllib.request.urlopen(put) as response:
        assert response.status == 200
    assert "movies.json" in lines_of(tmp_path / "record", 1)[0]


def test_a_handler_sees_its_own_environment_and_the_standard_library_alone(
    endpoint: str, tmp_path: Path
) -> None:
    deploy(endpoint, "alone", RECORDER, RECORD=str(tmp_path / "record"))
    s3 = make_client("s3", endpoint, REGION)
    s3.put_object(Bucket="alone", Key="movies.json", Body=b"[]")
    s3.close()
    seen = json.loads(lines_of(tmp_path / "record", 1)[0])
    lambdas_own = {"AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "LANG", "TZ"}
    pythons_own = {"LC_CTYPE"}  # set by Python itself where the locale is C
    assert set(seen["environment"]) - pythons_own == {"RECORD"} | lambdas_own
    assert seen["path"][0].endswith(".zip")
    assert not [place for place in seen["path"] if "site-packages" in place or place == str(ROOT)]
    assert 29_000 < seen["left"] <= 30_000


def test_a_put_does_not_wait_for_the_function(endpoint: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    patient = f"""
import os, time
def handle(event, context):
    while not os.path.exists({str(gate)!r}): time.sleep(0.01)
    open(os.environ["RECORD"], "a").write("done\\n")
"""
    deploy(endpoint, "patient", patient, RECORD=str(tmp_path / "record"))
    s3 = make_client("s3", endpoint, REGION)
    s3.put_object(Bucket="patient", Key="movies.json", Body=b"[]")
    s3.close()
    assert not (tmp_path / "record").exists()
    gate.touch()
    lines_of(tmp_path / "record", 1)


def test_new_code_is_run_once_it_is_deployed(endpoint: str, tmp_path: Path) -> None:
    s3 = make_client("s3", endpoint, REGION)
    for version in ("old", "new"):
        writes = f"""
import os
def handle(event, context): open(os.environ["RECORD"], "a").write("{version}\\n")
"""
        deploy(endpoint, "renewed", writes, RECORD=str(tmp_path / version))
        s3.put_object(Bucket="renewed", Key="movies.json", Body=b"[]")
        assert lines_of(tmp_path / version, 1) == [version]
    s3.close()


def test_events_are_in_the_order_of_their_sequencers_and_name_versions(
    endpoint: str, tmp_path: Path
) -> None:
    deploy(endpoint, "versions", RECORDER, RECORD=str(tmp_path / "record"))
    s3 = make_client("s3", endpoint, REGION)
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    versions = []
    for count in (1, 2, 3):
        put = s3.put_object(Bucket="versions", Key="movies.json", Body=b"[]")
        versions.append(put["VersionId"])
        lines_of(tmp_path / "record", count)
    s3.close()
    seen = [json.loads(line)["event"]["Records"][0] for line in lines_of(tmp_path / "record", 3)]
    sequencers = [record["s3"]["object"]["sequencer"] for record in seen]
    assert sequencers == sorted(set(sequencers))
    assert [record["s3"]["object"]["versionId"] for record in seen] == versions


def test_a_caller_who_waits_is_told_the_result_or_the_error(endpoint: str, tmp_path: Path) -> None:
    made = deploy(endpoint, "called", OBEDIENT, RECORD=str(tmp_path / "record"))
    client = make_client("lambda", endpoint, REGION)
    good = client.invoke(FunctionName=made.function_arn, Payload=b'"work"')
    bad = client.invoke(FunctionName=made.function_arn, Payload=b'"fail"')
    client.close()
    assert isinstance(json.loads(good["Payload"].read()), int)
    assert "FunctionError" not in good
    assert bad["FunctionError"] == "Unhandled"
    assert json.loads(bad["Payload"].read())["errorMessage"] == "as it was told"


def test_what_is_made_twice_stays_as_it_is(endpoint: str) -> None:
    first = deploy(endpoint, "twice", RECORDER, RECORD="/dev/null")
    assert deploy(endpoint, "twice", RECORDER, RECORD="/dev/null") == first
    sqs = make_client("sqs", endpoint, REGION)
    queue = sqs.get_queue_attributes(QueueUrl=first.queue_url, AttributeNames=["All"])["Attributes"]
    dead = sqs.get_queue_attributes(QueueUrl=first.dead_queue_url, AttributeNames=["All"])
    sqs.close()
    assert queue["VisibilityTimeout"] == "45"
    assert queue["MessageRetentionPeriod"] == str(14 * 86_400)
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] == 10
    assert dead["Attributes"]["MessageRetentionPeriod"] == str(14 * 86_400)
    s3 = make_client("s3", endpoint, REGION)
    rules = s3.get_bucket_notification_configuration(Bucket="twice")
    s3.close()
    assert [rule["Events"] for rule in rules["LambdaFunctionConfigurations"]] == [
        ["s3:ObjectCreated:*"]
    ]


def test_a_failing_event_is_tried_three_times_under_one_id_and_given_up(tmp_path: Path) -> None:
    with capture_logs() as logs, open_invoker() as invoker:
        invoker.enqueue(make_function(tmp_path), "fail")
        wait_until(lambda: len(logs) == 3)
    ids = lines_of(tmp_path / "record", 3)
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert [entry["event"] for entry in logs] == [
        "function failed",
        "function failed",
        "event given up",
    ]
    assert logs[2]["reason"] == "ValueError: as it was told"
    assert logs[2]["lost_event"] == "fail"


def test_a_sandbox_is_kept_warm(invoker: Invoker, tmp_path: Path) -> None:
    function = make_function(tmp_path)
    first = invoker.invoke(function, "work").result
    invoker.invoke(function, "fail")
    assert invoker.invoke(function, "work").result == first


def test_a_sandbox_that_dies_is_replaced(invoker: Invoker, tmp_path: Path) -> None:
    function = make_function(tmp_path)
    first = invoker.invoke(function, "work").result
    died = invoker.invoke(function, "die")
    assert died.error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "Runtime exited with code 7",
    }
    assert invoker.invoke(function, "work").result != first


def test_a_handler_that_takes_too_long_is_ended(invoker: Invoker, tmp_path: Path) -> None:
    function = make_function(tmp_path, timeout_seconds=0.3)
    late = invoker.invoke(function, "sleep")
    assert late.error
    assert late.error["errorType"] == "Sandbox.Timedout"
    assert invoker.invoke(make_function(tmp_path), "work").error is None


def test_a_zip_without_the_handler_is_an_error_that_says_so(
    invoker: Invoker, tmp_path: Path
) -> None:
    answer = invoker.invoke(make_function(tmp_path, "handler = None"), "work")
    assert answer.error
    assert "has no attribute 'handle'" in answer.error["errorMessage"]


def test_a_slow_event_does_not_hold_up_the_next(invoker: Invoker, tmp_path: Path) -> None:
    function = make_function(tmp_path, timeout_seconds=2)
    invoker.enqueue(function, "sleep")
    lines_of(tmp_path / "record", 1)
    invoker.enqueue(function, "work")
    lines_of(tmp_path / "record", 2)


def test_what_still_runs_at_the_end_is_cut_off(tmp_path: Path) -> None:
    invoker = Invoker()
    invoker.enqueue(make_function(tmp_path, timeout_seconds=60), "sleep")
    lines_of(tmp_path / "record", 1)
    with capture_logs() as logs:
        invoker.close(patience_seconds=0)
    assert logs == []  # and so nothing is tried again


def test_the_notifier_is_packed_into_the_same_bytes_every_time(tmp_path: Path) -> None:
    copy = tmp_path / "notifier"
    copy.mkdir()
    for file in sorted((ROOT / "notifier").glob("*.py"), reverse=True):
        (copy / file.name).write_bytes(file.read_bytes())
        os.utime(copy / file.name, (0, 0))
    assert pack_room(copy) == pack_room(ROOT / "notifier")
    with zipfile.ZipFile(io.BytesIO(pack_room(copy))) as archive:
        assert "notifier/handler.py" in archive.namelist()
