"""What runs inside a sandbox of the local Lambda: loads the handler, answers one event a line.

The sandbox's interpreter runs this file alone (`-I -S`), so that the handler finds what it finds
on AWS: the standard library and its own zip. Arguments: the zip, the handler's dotted name.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

Handler = Callable[[Any, "Context"], Any]


class Context:
    """What a handler is told about its invocation. The names are those of Lambda."""

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id: str = invocation["request_id"]
        self.function_name: str = invocation["function_name"]
        self.function_version = "$LATEST"
        self.invoked_function_arn: str = invocation["function_arn"]
        self.memory_limit_in_mb: int = invocation["memory_mb"]
        self._ends = time.monotonic() + invocation["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Returns the time until the sandbox is ended."""
        return max(0, int((self._ends - time.monotonic()) * 1000))


def main() -> None:
    """Answers events until there are no more."""
    archive, handler_name = sys.argv[1:]
    # What a handler prints belongs into the log; the answers keep the real standard output.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.insert(0, archive)
    handler: Handler | None = None
    for line in sys.stdin:
        invocation = json.loads(line)
        try:
            handler = handler or load(handler_name)
            result = handler(invocation["event"], Context(invocation))
            _write(answers, {"result": result})
        except Exception as error:  # noqa: BLE001  whatever a handler raises is the answer
            _write(answers, {"error": _description(error)})


def load(handler_name: str) -> Handler:
    """Finds the handler: `package.module.function`, or with slashes, as Lambda takes both."""
    module, _, function = handler_name.replace("/", ".").rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


def _write(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _description(error: Exception) -> dict[str, Any]:
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


if __name__ == "__main__":
    main()
