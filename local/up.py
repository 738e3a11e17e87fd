"""`python -m local up`: the stack in the foreground, with its logs, until somebody stops it."""

import sys
from collections.abc import Mapping
from pathlib import Path

from local.addresses import ENVIRONMENT_FILE, Addresses, write_environment
from local.console import Terminal
from local.folder import postgres_folder
from local.lock import hold_lock
from local.processes import StopRequested, Supervisor
from local.settings import StackSettings
from local.stack import Stack


def run_up(settings: StackSettings, environ: Mapping[str, str], *, coloured: bool) -> None:
    """Starts the stack, says where everything is, and stays until a signal comes.

    Raises what `Stack.start` raises, AlreadyRunningError, and ProcessError when a process dies.
    """
    file = settings.folder / ENVIRONMENT_FILE
    output = Terminal(sys.stdout, coloured=coloured)
    with hold_lock(settings.folder / "lock") as lock:
        try:
            with Supervisor(output, held=(lock,)) as supervisor:
                file.unlink(missing_ok=True)  # of a stack that was killed
                addresses = Stack.of(settings, supervisor, output, environ).start(say)
                write_environment(file, addresses.environment())
                say(welcome(settings, addresses))
                supervisor.run()
        except StopRequested:
            say("Everything is stopped.")
        finally:
            file.unlink(missing_ok=True)


def welcome(settings: StackSettings, addresses: Addresses) -> str:
    """Returns what a newcomer wants to know now."""
    file = _short(settings.folder / ENVIRONMENT_FILE)
    where = "your own" if settings.server else f"kept in {_short(postgres_folder(settings.folder))}"
    database = addresses.database.rpartition("@")[2]
    return f"""
Movies-r-us is up.

  API       {addresses.api}/movies
  S3, SQS   {addresses.aws}  (in memory: empty again at the next start)
  Postgres  {database}  ({where})
  Metrics   {addresses.api_metrics} of the API, {addresses.worker_metrics} of the worker
  Settings  {file}  (all of these, for any client)

Drop a file in, from another terminal:

  curl -T samples/movies.json {addresses.aws}/{addresses.bucket}/movies.json

or, with the AWS command line:

  set -a; . {file}; set +a
  aws s3 cp samples/movies.json s3://{addresses.bucket}/

and find what is in it:

  curl '{addresses.api}/movies?title=national%20treasure'
  curl '{addresses.api}/imports'

Ctrl-C stops everything.
"""


def say(text: str) -> None:
    """Prints to a terminal that may be gone."""
    try:
        print(text, flush=True)
    except OSError:
        return


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
