"""Log lines: JSON objects with fields, one a line, whoever wrote them, and no secrets in them."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import structlog

from schemas.logs import configure_logs
from schemas.settings import Environment
from schemas.traces import Traces

SECRET: Final = "correct-horse-battery-staple"
CHATTY: Final = ("botocore", "celery.app.trace", "celery.worker.strategy", "kombu")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A place for log lines; the process's own logging is put back afterwards."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    levels = {log: log.level for log in (root, *map(logging.getLogger, CHATTY))}
    yield io.StringIO()
    root.handlers[:] = handlers
    for log, level in levels.items():
        log.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def line_of(stream: io.StringIO) -> dict[str, Any]:
    (line,) = lines_of(stream)
    return line


def fail(secret: str) -> None:
    raise ValueError(f"refused {len(secret)} characters")


def test_a_line_is_a_json_object_with_the_fields_of_its_event(stream: io.StringIO) -> None:
    configure_logs("api", readable=False, stream=stream)
    structlog.stdlib.get_logger("api.movies").info("search answered", found=2, title=["Amélie"])
    line = line_of(stream)
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert moment.utcoffset() == UTC.utcoffset(None)
    assert line == {
        "room": "api",
        "level": "info",
        "logger": "api.movies",
        "event": "search answered",
        "found": 2,
        "title": ["Amélie"],
    }


def test_a_line_of_the_standard_logging_looks_the_same(stream: io.StringIO) -> None:
    configure_logs("worker", readable=False, stream=stream)
    logging.getLogger("celery.worker").warning(
        "lost %s of %d", "one", 2, extra={"queue": "imports"}
    )
    line = line_of(stream)
    del line["timestamp"]
    assert line == {
        "room": "worker",
        "level": "warning",
        "logger": "celery.worker",
        "event": "lost one of 2",
        "queue": "imports",
    }


@pytest.mark.parametrize("get_logger", [structlog.stdlib.get_logger, logging.getLogger])
def test_an_exception_is_one_line_with_its_type_and_message(
    stream: io.StringIO, get_logger: Any
) -> None:
    configure_logs("worker", readable=False, stream=stream)
    try:
        fail(SECRET)
    except ValueError:
        get_logger("worker.tasks").exception("import failed")
    (raised,) = line_of(stream)["exception"]
    assert (raised["exc_type"], raised["exc_value"]) == ("ValueError", "refused 28 characters")
    assert [frame["name"] for frame in raised["frames"]][-1] == "fail"


@pytest.mark.parametrize("readable", [True, False])
def test_the_local_variables_of_a_traceback_stay_where_they_are(
    stream: io.StringIO,
    readable: bool,  # noqa: FBT001
) -> None:
    configure_logs("worker", readable=readable, stream=stream)
    try:
        fail(SECRET)
    except ValueError:
        structlog.stdlib.get_logger("worker.tasks").exception("import failed")
    assert "refused 28 characters" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_a_line_break_in_a_value_makes_no_second_line(stream: io.StringIO) -> None:
    configure_logs("api", readable=False, stream=stream)
    forged = 'movies.json\n{"level": "info", "event": "all is well"}'
    structlog.stdlib.get_logger("api").info("import queued", key=forged)
    assert line_of(stream)["key"] == forged


def test_what_is_bound_to_the_context_stands_in_every_line(stream: io.StringIO) -> None:
    configure_logs("api", readable=False, stream=stream)
    structlog.contextvars.bind_contextvars(request_id="8f14e45f")
    structlog.stdlib.get_logger("api").info("ours")
    logging.getLogger("werkzeug").warning("theirs")
    assert [line["request_id"] for line in lines_of(stream)] == ["8f14e45f", "8f14e45f"]


def test_what_is_said_for_debugging_is_left_out(stream: io.StringIO) -> None:
    configure_logs("api", readable=False, stream=stream)
    structlog.stdlib.get_logger("api").debug("ours")
    logging.getLogger("botocore").debug("theirs")
    assert lines_of(stream) == []


@pytest.mark.parametrize("library", CHATTY)
def test_a_chatty_library_is_heard_when_something_is_wrong(
    stream: io.StringIO, library: str
) -> None:
    configure_logs("worker", readable=False, stream=stream)
    logging.getLogger(library).info("all is well")
    logging.getLogger(library).warning("something is not")
    assert line_of(stream)["event"] == "something is not"


def test_configuring_twice_does_not_write_twice(stream: io.StringIO) -> None:
    configure_logs("api", readable=False, stream=io.StringIO())
    configure_logs("worker", readable=False, stream=stream)
    structlog.stdlib.get_logger("worker").info("once")
    assert line_of(stream)["room"] == "worker"


@pytest.mark.parametrize("readable", [True, False])
def test_a_stream_that_cannot_be_written_to_stops_nobody(
    stream: io.StringIO,
    readable: bool,  # noqa: FBT001
) -> None:
    configure_logs("api", readable=readable, stream=stream)
    log = structlog.stdlib.get_logger("api")
    log.info("half a character: \ud83d")
    stream.close()
    log.info("said to nobody")


def test_arguments_are_put_where_they_belong(stream: io.StringIO) -> None:
    configure_logs("worker", readable=False, stream=stream)
    structlog.stdlib.get_logger("worker").warning("lost %s of %d", "one", 2)
    assert line_of(stream)["event"] == "lost one of 2"


def test_readable_lines_are_for_people(stream: io.StringIO) -> None:
    configure_logs("api", readable=True, stream=stream)
    structlog.stdlib.get_logger("api.movies").info("search answered", found=2)
    (line,) = stream.getvalue().splitlines()
    assert "search answered" in line
    assert "found=2" in line
    assert "\x1b" not in line


def test_lines_go_to_standard_error_where_no_stream_is_given(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("api", readable=False)
    structlog.stdlib.get_logger("api").info("said")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "said"


def test_where_there_are_traces_a_line_names_the_span_that_it_is_written_in(
    stream: io.StringIO,
) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra otel is not installed")
    wanted = Environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    traces = Traces.load(wanted, "api", ())
    configure_logs("api", readable=False, traces=traces, stream=stream)
    with sdk.TracerProvider().get_tracer("test").start_as_current_span("asked") as span:
        structlog.stdlib.get_logger("api.movies").info("search answered")
        logging.getLogger("another.library").warning("something is odd")
    structlog.stdlib.get_logger("api.movies").info("nothing is asked")
    ours, theirs, outside = lines_of(stream)
    context = span.get_span_context()
    for line in (ours, theirs):
        assert line["trace_id"] == f"{context.trace_id:032x}"
        assert line["span_id"] == f"{context.span_id:016x}"
    assert {"trace_id", "span_id"}.isdisjoint(outside)
