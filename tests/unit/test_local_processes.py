"""The supervisor: what it starts it also stops, whatever becomes of the processes or of itself."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.console import Files, Terminal
from local.guardian import Group, read_groups
from local.lock import AlreadyRunningError, hold_lock, lock_owner
from local.ports import listen, port_of
from local.processes import Command, ProcessError, StopRequested, Supervisor

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 10

# Says who it is, and goes on until a signal, which it notes.
POLITE = """
import pathlib, signal, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def leave(number, frame):
    with (folder / "ends").open("a") as ends: ends.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
(folder / name).touch()
while True: time.sleep(60)
"""

# Has a child, and neither of them listens to SIGTERM.
STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
child = os.fork()
if child: (folder / name).write_text(f"{os.getpid()} {child}")
while True: time.sleep(60)
"""

# A supervisor in a process of its own, over one stubborn process.
SUPERVISOR = """
import pathlib, sys
from local.console import Files
from local.lock import hold_lock
from local.processes import Command, Supervisor
folder = pathlib.Path(sys.argv[1])
argv = (sys.executable, "-c", sys.argv[2], "stubborn", str(folder))
command = Command(name="stubborn", argv=argv, environment={}, folder=folder, grace_seconds=0.3)
with hold_lock(folder / "lock") as lock, Supervisor(Files(folder), held=(lock,)) as supervisor:
    supervisor.start(command)
    supervisor.run()
"""


def make_command(
    folder: Path, name: str, script: str = POLITE, *, grace_seconds: float = 5, layer: int = 0
) -> Command:
    return Command(
        name=name,
        argv=(sys.executable, "-c", script, name, str(folder)),
        environment={},
        folder=folder,
        grace_seconds=grace_seconds,
        layer=layer,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.02)


def is_running(process: int) -> bool:
    """Whether a process is there and no zombie: where nobody reaps orphans they stay as zombies."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def numbers_in(file: Path) -> list[int]:
    wait_until(lambda: file.exists() and file.read_text() != "")
    return [int(word) for word in file.read_text().split()]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(Files(tmp_path)) as made:
        yield made


def test_processes_are_stopped_layer_by_layer(tmp_path: Path) -> None:
    with Supervisor(Files(tmp_path)) as supervisor:
        for layer, name in ((1, "api"), (0, "postgres"), (2, "client")):
            supervisor.start(make_command(tmp_path, name, layer=layer))
            supervisor.wait_until(name, (tmp_path / name).exists)
    assert (tmp_path / "ends").read_text().split() == ["client", "api", "postgres"]


def test_a_process_that_does_not_listen_is_killed_with_its_children(tmp_path: Path) -> None:
    with Supervisor(Files(tmp_path)) as supervisor:
        supervisor.start(make_command(tmp_path, "stubborn", STUBBORN, grace_seconds=0.2))
        processes = numbers_in(tmp_path / "stubborn")
        assert all(is_running(process) for process in processes)
    wait_until(lambda: not any(is_running(process) for process in processes))


def test_the_children_of_a_process_that_died_are_killed_too(tmp_path: Path) -> None:
    with Supervisor(Files(tmp_path)) as supervisor:
        supervisor.start(make_command(tmp_path, "stubborn", STUBBORN, grace_seconds=0.2))
        leader, child = numbers_in(tmp_path / "stubborn")
        os.kill(leader, signal.SIGKILL)
        with pytest.raises(ProcessError, match="stubborn was ended by SIGKILL unexpectedly"):
            supervisor.run()
        assert is_running(child)
    wait_until(lambda: not is_running(child))


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path), STUBBORN], cwd=ROOT)
    processes = numbers_in(tmp_path / "stubborn")
    assert all(is_running(process) for process in processes)
    killed.kill()
    killed.wait()
    # Until the last process is gone the guardian holds the lock, so that no new stack meets it.
    assert lock_owner(tmp_path / "lock") == killed.pid
    wait_until(lambda: not any(is_running(process) for process in processes))
    wait_until(lambda: lock_owner(tmp_path / "lock") is None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_the_supervisor_to_stop(
    supervisor: Supervisor, tmp_path: Path, number: signal.Signals
) -> None:
    supervisor.start(make_command(tmp_path, "polite"))
    os.kill(os.getpid(), number)
    with pytest.raises(StopRequested, match=number.name):
        supervisor.run()


def test_an_error_after_a_signal_is_what_the_signal_did(tmp_path: Path) -> None:
    def fail_after_a_signal() -> None:
        with Supervisor(Files(tmp_path)):
            os.kill(os.getpid(), signal.SIGINT)
            raise ProcessError("initdb", "failed")

    with pytest.raises(StopRequested):
        fail_after_a_signal()


def test_the_death_of_a_process_is_told_with_its_exit_code(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(make_command(tmp_path, "polite"))
    supervisor.start(make_command(tmp_path, "worker", "raise SystemExit(3)"))
    with pytest.raises(ProcessError, match="worker ended with exit code 3 unexpectedly") as caught:
        supervisor.run()
    assert caught.value.name == "worker"


def test_a_death_ends_the_wait_for_another_process(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(make_command(tmp_path, "api", "raise SystemExit(1)"))
    with pytest.raises(ProcessError, match="api ended"):
        supervisor.wait_until("worker", lambda: False)


def test_a_process_that_is_never_ready_is_named(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessError, match="worker was not ready within 0 seconds"):
        supervisor.wait_until("worker", lambda: False, timeout_seconds=0.1)


def test_a_program_that_is_not_there_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    command = Command(name="api", argv=("/no/such/program",), environment={}, folder=tmp_path)
    with pytest.raises(ProcessError, match="api could not be started"):
        supervisor.start(command)


def test_the_guardian_knows_what_still_lives() -> None:
    first, second = Group(11, 15, 1.0), Group(12, 2, 2.0)
    lines = [first.watch_line(), second.watch_line(), first.forget_line()]
    assert read_groups(lines) == [second]


def test_each_line_in_the_terminal_has_its_process_before_it() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream, coloured=False)
    for name, text in (("api", b"one\n\ntwo\r\nwithout an end"), ("postgres", b"\xff\n")):
        descriptor = terminal.open(name)
        os.write(descriptor, text)
        os.close(descriptor)
    terminal.close()
    assert sorted(stream.getvalue().splitlines()) == [
        "api      | one",
        "api      | two",
        "api      | without an end",
        "postgres | \N{REPLACEMENT CHARACTER}",
    ]


def test_output_in_files_can_be_looked_up(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.last_lines("api", 2) == []
    files.path("api").write_text('one\ntwo\n{"event": "request served", "status": 200}\n')
    assert files.last_lines("api", 2) == ["two", "request served status=200"]


def test_a_lock_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert lock_owner(lock) is None
    with hold_lock(lock):
        assert lock_owner(lock) == os.getpid()
        with pytest.raises(AlreadyRunningError, match=str(os.getpid())), hold_lock(lock):
            pass
    assert lock_owner(lock) is None


def run_local(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_busy_port_is_said_in_one_line(tmp_path: Path) -> None:
    with listen(0, "") as taken:
        port = str(port_of(taken))
        done = run_local("up", MRU_LOCAL_DIR=str(tmp_path), MRU_LOCAL_API_PORT=port)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: Port {port} is in use. "
        "Stop what uses it, or choose another port with MRU_LOCAL_API_PORT.\n"
    )


def test_a_stack_that_runs_already_is_said_in_one_line(tmp_path: Path) -> None:
    with hold_lock(tmp_path / "lock"):
        done = run_local("up", MRU_LOCAL_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: The stack is running already as process {os.getpid()}.")
    assert done.stderr.count("\n") == 1


def test_a_wrong_setting_is_said_in_one_line(tmp_path: Path) -> None:
    done = run_local("up", MRU_LOCAL_DIR=str(tmp_path), MRU_LOCAL_AWS_PORT="many")
    assert done.returncode == 1
    assert done.stderr == "error: MRU_LOCAL_AWS_PORT must be a whole number, not 'many'.\n"


def test_status_says_that_nothing_runs(tmp_path: Path) -> None:
    done = run_local("status", MRU_LOCAL_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (
        1,
        "The stack is not running. Start it with: make up\n",
    )
