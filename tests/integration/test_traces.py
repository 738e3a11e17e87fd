"""One trace from the request that announces an object to the import of it, in two processes, and
the log lines of both that name it.
"""

import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from local.database import Dsns
from tests.builders import as_file, make_records
from tests.calling import api_environment, make_signed
from tests.gunicorn import Gunicorn
from tests.rig import AWS, wait_until
from tests.road import Road, make_road

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SERVICES: Final = ("movies-r-us-api", "movies-r-us-worker")


class Receiver:
    """Takes traces by OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, Span]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                receiver.take(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [
                attribute.value.string_value
                for attribute in resource.resource.attributes
                if attribute.key == "service.name"
            ]
            for scope in resource.scope_spans:
                self._spans += [(service, span) for span in scope.spans]

    def spans(self, service: str) -> list[Span]:
        return [span for name, span in self._spans if name == service]


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_road(aws, database, tmp_path) as road:
        yield road


def test_one_trace_leads_from_the_announcement_to_the_import(road: Road) -> None:
    with Receiver() as receiver:
        # Sent ten times a second, in place of every five.
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        environment = api_environment(
            road.dsns.api,
            **AWS,
            **variables,
            AWS_ENDPOINT_URL=road.rig.proxy.url,
            MRU_QUEUE_URL=road.rig.queue_url,
            MRU_BUCKETS=road.bucket,
            WEB_CONCURRENCY="1",
            PYTHONWARNINGS="default",
        )
        road.upload(as_file(make_records(3)))
        with road.running_worker(**variables), Gunicorn(environment) as gunicorn:
            post = make_signed({"bucket": road.bucket, "key": "movies.json"})
            headers = post["headers"] | {"Content-Type": post["content_type"]}
            told = gunicorn.ask("POST", "/notifications", body=post["data"], headers=headers)
            assert told[0] == 202
            road.wait_until_imported(1)
            wait_until("the traces are there", lambda: is_whole(receiver))
        check_the_trace(receiver)
        check_the_lines(receiver, gunicorn.lines, road.rig.folder / "worker.log")


def ending(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name.endswith(name)]


def is_whole(receiver: Receiver) -> bool:
    api, worker = (receiver.spans(service) for service in SERVICES)
    return bool(ending(api, "/notifications") and ending(worker, "worker.import_object"))


def check_the_trace(receiver: Receiver) -> None:
    """Fails unless request, message, task, its statements and its GET are one trace."""
    api, worker = (receiver.spans(service) for service in SERVICES)
    (request,) = ending(api, "/notifications")
    (message,) = [span for span in api if span.kind == Span.SPAN_KIND_PRODUCER]
    (task,) = ending(worker, "worker.import_object")
    assert message.parent_span_id == request.span_id
    assert task.parent_span_id == message.span_id
    of_the_task = [span for span in worker if span.parent_span_id == task.span_id]
    assert any(span.name.startswith("S3") for span in of_the_task)
    assert any(span.name.startswith(("INSERT", "UPDATE", "SELECT")) for span in of_the_task)
    assert {span.trace_id for span in (request, message, task, *of_the_task)} == {request.trace_id}


def check_the_lines(receiver: Receiver, api_lines: list[str], worker_log: Path) -> None:
    """Fails unless the lines of the request and of the task name their spans."""
    api, worker = (receiver.spans(service) for service in SERVICES)
    (request,) = ending(api, "/notifications")
    (task,) = ending(worker, "worker.import_object")
    (served,) = [line for line in read_lines(api_lines) if line.get("path") == "/notifications"]
    assert named(served) == (request.trace_id.hex(), request.span_id.hex())
    lines = worker_log.read_text("utf-8").splitlines()
    of_the_task = [line for line in read_lines(lines) if "import_id" in line]
    assert "import succeeded" in [line["event"] for line in of_the_task]
    assert {named(line) for line in of_the_task} == {(task.trace_id.hex(), task.span_id.hex())}


def read_lines(lines: list[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("{"):
            yield json.loads(line)


def named(line: dict[str, Any]) -> tuple[str, str]:
    return line["trace_id"], line["span_id"]
