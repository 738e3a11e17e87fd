"""The commands of the local stack: `python -m local up`, `demo`, `status`, `env`, `imports` and
`forget`.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable
from typing import Final

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

from local.demo import DemoError, run_demo
from local.demo_screen import Screen
from local.folder import forget
from local.lock import AlreadyRunningError
from local.operating import run_imports
from local.ports import PortBusyError
from local.postgres import PostgresError
from local.processes import ProcessError, StopRequested
from local.settings import StackSettings
from local.status import print_environment, print_status
from local.up import run_up
from schemas.settings import Environment, SettingError

# What a person can do something about: told in one line.
_EXPECTED: Final = (
    AlreadyRunningError,
    BotoCoreError,
    ClientError,
    DemoError,
    PortBusyError,
    PostgresError,
    ProcessError,
    SettingError,
    psycopg2.Error,
)
_INTERRUPTED: Final = 130  # as shells have it


def main() -> int:
    """Runs one command and returns its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a title may have letters that a terminal has not
    parser = _parser()
    arguments, rest = parser.parse_known_args()
    if rest and arguments.run is not _imports:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        settings = StackSettings.read(Environment(os.environ))
        settings.folder.mkdir(parents=True, exist_ok=True)
        run: Callable[[StackSettings], int] = arguments.run
        return run(settings)
    except _EXPECTED as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _up(settings: StackSettings) -> int:
    run_up(settings, os.environ, coloured=_coloured())
    return 0


def _demo(settings: StackSettings) -> int:
    try:
        run_demo(settings.for_demo(), os.environ, Screen.standard())
    except StopRequested:
        print("The demo was stopped, and with it everything that it had started.")
        return _INTERRUPTED
    return 0


def _forget(settings: StackSettings) -> int:
    forget(settings.folder)
    return 0


def _status(settings: StackSettings) -> int:
    return print_status(settings)


def _env(settings: StackSettings) -> int:
    return print_environment(settings)


def _imports(settings: StackSettings) -> int:
    return run_imports(settings, sys.argv[2:])  # whatever they are: they are Celery's


def _coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, run, text in (
        ("up", _up, "run the whole stack in the foreground"),
        ("demo", _demo, "run the stack, import the samples, ask the example queries, stop"),
        ("status", _status, "say whether the stack runs, and where"),
        ("env", _env, 'print the running stack\'s settings for a shell: eval "$(... env)"'),
        ("forget", _forget, "remove the stack's data: the database, the secrets, the logs"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
    text = "an operator's commands, for the running stack: celery -A worker.app imports …"
    imports = commands.add_parser("imports", help=text, add_help=False)  # it has help of its own
    imports.set_defaults(run=_imports)
    return parser
