"""A sandbox of the local Lambda: one warm child process that runs the zip that was deployed."""

import contextlib
import dataclasses
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from local import lambda_bootstrap

_READ_BYTES: Final = 65536
_CLOSE_SECONDS: Final = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Function:
    """A deployed function. Two that are equal can share a warm sandbox."""

    name: str
    arn: str
    handler: str
    archive: Path  # named by what is in it, so that new code is another function
    environment: tuple[tuple[str, str], ...] = dataclasses.field(repr=False)
    timeout_seconds: float
    memory_mb: int = 128
    region: str = "eu-west-1"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of an invocation: the handler's result, or an error in Lambda's own words."""

    result: Any = None
    error: dict[str, Any] | None = None

    def payload(self) -> bytes:
        """Returns the body of an answer to Invoke."""
        return json.dumps(self.result if self.error is None else self.error).encode()


class Sandbox:
    """One child process. It serves one invocation at a time, and many, one after the other."""

    def __init__(self, function: Function, *, log: int | None = None) -> None:
        """Starts the child, whose output goes to the file descriptor `log`."""
        self.function = function
        self._rest = b""
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-I", "-S", lambda_bootstrap.__file__),
                *(str(function.archive), function.handler),
            ],
            env=_environment(function),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    @property
    def alive(self) -> bool:
        """Whether it can take another invocation."""
        return self._process.poll() is None

    def invoke(self, event: Any, request_id: str) -> Answer:
        """Runs the handler on one event. A child that dies or is late is an error in the answer."""
        request = {
            "event": event,
            "request_id": request_id,
            "function_name": self.function.name,
            "function_arn": self.function.arn,
            "memory_mb": self.function.memory_mb,
            "timeout_seconds": self.function.timeout_seconds,
        }
        deadline = time.monotonic() + self.function.timeout_seconds
        try:
            self._send(json.dumps(request).encode() + b"\n")
            answer = json.loads(self._line(deadline))
        except TimeoutError:
            self.kill()
            self.close()
            seconds = self.function.timeout_seconds
            return _failure("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds")
        except (EOFError, BrokenPipeError):
            self.close()
            code = self._process.returncode
            return _failure("Runtime.ExitError", f"Runtime exited with code {code}")
        return Answer(result=answer.get("result"), error=answer.get("error"))

    def kill(self) -> None:
        """Ends the child at once. `close` is still to be called."""
        self._process.kill()

    def close(self) -> None:
        """Ends the child, which leaves by itself at the end of its input."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _send(self, line: bytes) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            raise BrokenPipeError
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _line(self, deadline: float) -> bytes:
        if self._process.stdout is None:
            raise EOFError
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                piece = os.read(self._process.stdout.fileno(), _READ_BYTES)
                if not piece:
                    raise EOFError
                self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line


def _failure(kind: str, message: str) -> Answer:
    return Answer(error={"errorType": kind, "errorMessage": message})


def _environment(function: Function) -> dict[str, str]:
    """Returns what the function declares, and what Lambda itself sets; nothing of this process."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_REGION": function.region,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **dict(function.environment),
    }
