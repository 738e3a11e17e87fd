"""Runs the stack's processes: starts them, waits until they are ready, and leaves none behind.

Each is the leader of a process group of its own, so that a Ctrl-C reaches the supervisor alone,
which then stops them, layer by layer. A guardian (local/guardian.py) does it when the supervisor
itself is killed.
"""

import contextlib
import dataclasses
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

from local import guardian
from local.console import Output
from local.guardian import Group

_POLL_SECONDS: Final = 0.05
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProcessError(Exception):
    """A process of the stack did not do what it should; the message says which, and what."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name} {message}")
        self.name = name


class StopRequested(Exception):  # noqa: N818  no error: somebody pressed Ctrl-C
    """A signal asked the supervisor to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """One process: what to run, where, with which environment, and how it wants to be stopped.

    `inherit` are file descriptors that it gets beside the standard three. `user` is the account to
    run as, for a program that refuses to be root. What lies in a higher `layer` uses what lies in
    lower ones, and is stopped before them.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    inherit: tuple[int, ...] = ()
    user: str | None = None
    layer: int = 0
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 10.0


@dataclasses.dataclass(frozen=True)
class _Running:
    command: Command
    process: subprocess.Popen[bytes]

    @property
    def group(self) -> Group:
        command = self.command
        return Group(self.process.pid, command.stop_signal, command.grace_seconds)


class Supervisor:
    """Starts processes and answers for them; a context manager that stops them all at its end.

    `held` are file descriptors that the guardian keeps open too: a lock, say, that must not be free
    before the last process is gone.
    """

    def __init__(self, output: Output, *, held: tuple[int, ...] = ()) -> None:
        self._output = output
        self._held = held
        self._running: list[_Running] = []
        self._signals: list[int] = []
        self._old_handlers: dict[int, Any] = {}
        self._guardian: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Supervisor":
        for number in _STOP_SIGNALS:
            self._old_handlers[number] = signal.signal(number, self._take_note)
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__],
            stdin=subprocess.PIPE,
            pass_fds=self._held,
            start_new_session=True,
        )
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.stop()
        if self._guardian:
            self._guardian_pipe.close()
            self._guardian.wait()
        self._output.close()
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        # A Ctrl-C reaches what is run here for a moment, too (initdb, say), and lets it fail.
        if isinstance(error, Exception) and self._signals and not isinstance(error, StopRequested):
            raise StopRequested(self._signals[0]) from error

    def start(self, command: Command) -> int:
        """Starts a process and returns its number. Raises ProcessError where that is impossible."""
        self.check()
        output = self._output.open(command.name)
        try:
            process = subprocess.Popen(
                command.argv,
                env=dict(command.environment),
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=command.inherit,
                start_new_session=True,
                **_as_account(command.user),
            )
        except OSError as error:
            raise ProcessError(command.name, f"could not be started: {error}.") from error
        finally:
            os.close(output)
        running = _Running(command, process)
        self._running.append(running)
        self._tell_guardian(running.group.watch_line())
        return process.pid

    def wait_until(
        self, name: str, ready: Callable[[], bool], *, timeout_seconds: float = 60
    ) -> None:
        """Waits until `ready` says so. Raises ProcessError when it is late or any process dies."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(name, f"was not ready within {timeout_seconds:.0f} seconds.")
            time.sleep(_POLL_SECONDS)

    def run(self) -> None:
        """Waits for ever. Ends by StopRequested, or by ProcessError when a process dies."""
        while True:
            self.check()
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Raises StopRequested after a signal, ProcessError after the death of a process."""
        if self._signals:
            raise StopRequested(self._signals[0])
        for running in self._running:
            code = running.process.poll()
            if code is not None:
                raise ProcessError(running.command.name, f"{how_it_ended(code)} unexpectedly.")

    def stop(self) -> None:
        """Stops all processes, the highest layer first. A second signal makes it brief."""
        while self._running:
            top = max(running.command.layer for running in self._running)
            layer = [running for running in self._running if running.command.layer == top]
            asked = time.monotonic()
            for running in layer:
                if running.process.poll() is None:
                    running.process.send_signal(running.command.stop_signal)
            for running in layer:
                self._wait_for_end(running, asked + running.command.grace_seconds)
                self._tell_guardian(running.group.forget_line())
                self._running.remove(running)

    def _wait_for_end(self, running: _Running, deadline: float) -> None:
        process = running.process
        while process.poll() is None and time.monotonic() < deadline and len(self._signals) < 2:
            time.sleep(_POLL_SECONDS)
        # Whoever is left in its group by now, its children included, has had its time.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _take_note(self, number: int, _: object) -> None:
        self._signals.append(number)

    def _tell_guardian(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # killed by somebody; there is still `stop`
            self._guardian_pipe.write(line.encode())
            self._guardian_pipe.flush()

    @property
    def _guardian_pipe(self) -> IO[bytes]:
        if self._guardian is None or self._guardian.stdin is None:
            raise RuntimeError("A supervisor is used in a with statement.")
        return self._guardian.stdin


def _as_account(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def how_it_ended(code: int) -> str:
    """Puts a return code of subprocess into words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
