"""Runs the API for a test as it runs: under gunicorn, in processes of its own."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parent.parent
DEADLINE_SECONDS: Final = 30


class Gunicorn:
    """gunicorn on a free port; what it logs is read by a thread as it comes."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self._arrived = threading.Condition()
        inherited = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api"],
            cwd=ROOT,
            env={**inherited, **environment, "MRU_API_BIND": "127.0.0.1:0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        found = self.wait_for(r"Listening at: http://127.0.0.1:(\d+)")
        self.port = int(found[1])
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Waits for a line and returns its match."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        with self._arrived:
            while time.monotonic() < deadline:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                self._arrived.wait(0.2)
        raise AssertionError("\n".join([f"in vain: {pattern}", *self.lines]))

    def ask(self, method: str, path: str, **request: Any) -> tuple[int, Any, Any]:
        """Returns status, headers and decoded body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, **request)
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        """Returns status and body of an answer as it comes, uncompressed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send(self, request: bytes) -> tuple[bytes, Any]:
        """Sends bytes as they are, and returns the head and the decoded body of what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), DEADLINE_SECONDS) as connection:
            connection.sendall(request)
            answer = b""
            while data := connection.recv(65536):
                answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        return head, json.loads(body)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._arrived:
                self.lines.append(line.rstrip())
                self._arrived.notify_all()
