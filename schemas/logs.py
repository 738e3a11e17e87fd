"""What a log line is in every room: a constant phrase, and values as fields.

JSON, one object a line, for machines; aligned for people. Lines of libraries that use the standard
logging go the same way. Tracebacks come without local variables, which may hold secrets.
"""

import logging
import sys
from typing import Any, Final, TextIO

import structlog

from schemas.traces import Traces

# What they say at INFO, the rooms say better: where credentials were found, that a task came.
_CHATTY: Final = ("botocore", "celery.app.trace", "celery.worker.strategy", "kombu")


def configure_logs(
    room: str, *, readable: bool, traces: Traces | None = None, stream: TextIO | None = None
) -> None:
    """Sends every log line of this process to `stream` (standard error where none is given).

    `readable` is for people; without it each line is a JSON object with `timestamp` (ISO 8601,
    UTC), `level`, `event`, `logger`, `room` and the event's fields; where there are traces, also
    `trace_id` and `span_id` of the span that it is written in.
    """
    rendered = _for_people() if readable else _for_machines(room)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        *([traces.add_span] if traces else []),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, *rendered],
        logger_factory=lambda *names: _Writer(handler, *names),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )


class _Writer:
    """Writes our own lines, which are whole already, beside those of the standard logging.

    Through it, each would cost as much as the rest of a small request. Only its lock is needed: it
    is the one that does not stay locked in a child of a process that forks.
    """

    def __init__(self, handler: logging.StreamHandler[TextIO], name: str = "root") -> None:
        self.name = name
        self._handler = handler

    def msg(self, line: str) -> None:
        """Writes a line. What cannot be written is lost, and stops nobody."""
        self._handler.acquire()
        try:
            self._handler.stream.write(line + "\n")
            self._handler.flush()
        except (OSError, ValueError):  # a broken pipe, a closed stream, half a character
            return
        finally:
            self._handler.release()

    debug = info = warning = error = critical = exception = log = msg


def _for_people() -> list[Any]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=False,
            timestamp_key="timestamp",
            pad_event_to=36,
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _for_machines(room: str) -> list[Any]:
    def add_room(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"room": room, **event}

    return [
        add_room,
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        structlog.processors.JSONRenderer(),
    ]
