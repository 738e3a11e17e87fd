"""A terminal of the test's own: a program in it sees a screen of 100 columns, and a keyboard."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.rig import DEADLINE_SECONDS, ROOT

_SIZE: Final = struct.pack("HHHH", 40, 100, 0, 0)  # rows, columns
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """What a program has written so far, without the movements of the cursor."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self._written = b""

    @property
    def raw(self) -> str:
        return self._written.decode(errors="replace")

    @property
    def text(self) -> str:
        return _CONTROL.sub("", self.raw)

    def wait_for(self, pattern: str) -> None:
        """Returns when the pattern has been written. Fails after a while."""
        self.wait_until(lambda: re.search(pattern, self.text))

    def wait_until(self, condition: Callable[[], Any]) -> None:
        """Returns when what was written is as it should be. Fails after a while."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert self._read(), f"It ended too early: {self.text}"
            assert time.monotonic() < deadline, f"in vain: {self.text}"

    def wait(self) -> int:
        """Reads on to the program's end, and returns its exit status."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self._read():
            assert time.monotonic() < deadline, f"It does not end: {self.text}"
        return self.process.wait(DEADLINE_SECONDS)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 0.2)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: nobody has the other end open any more
            return False
        self._written += data
        return bool(data)


@contextlib.contextmanager
def in_terminal(command: list[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Runs a command in a terminal, and kills it at the end if it still runs."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, _SIZE)
    with interruptible():
        process = start(command, environment, slave)
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Lets what is started meanwhile hear Ctrl-C, even where these tests run in a shell's
    background, which has its programs ignore it.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def start(
    command: list[str], environment: Mapping[str, str], slave: int
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment, "TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
