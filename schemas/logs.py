"""What a log line is in every room: a constant phrase, and values as fields.

JSON, one object a line, for machines; aligned for people. Lines of libraries that use the standard
logging go the same way. Tracebacks come without local variables, which may hold secrets.
"""

import logging
import sys
from typing import Any, Final, TextIO

import structlog

# What they say at INFO, the rooms say better: where credentials were found, that a task came.
_CHATTY: Final = ("botocore", "celery.app.trace", "celery.worker.strategy", "kombu")


def configure_logs(room: str, *, readable: bool, stream: TextIO | None = None) -> None:
    """Sends every log line of this process to `stream` (standard error where none is given).

    `readable` is for people; without it each line is a JSON object with `timestamp` (ISO 8601,
    UTC), `level`, `event`, `logger`, `room` and the event's fields.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_for_people() if readable else _for_machines(room)),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


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
