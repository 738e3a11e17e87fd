"""`python -m local status` and `env`: what another terminal wants to know of a running stack."""

import http.client
import shlex

from local import web
from local.addresses import ENVIRONMENT_FILE, read_environment
from local.lock import lock_owner
from local.settings import StackSettings


def print_status(settings: StackSettings) -> int:
    """Says whether the stack runs, and where. Returns 0 where it runs and is ready, else 1."""
    process = lock_owner(settings.folder / "lock")
    if process is None:
        print("The stack is not running. Start it with: make up")
        return 1
    environment = find_environment(settings)
    if environment is None:
        print(f"The stack is starting or stopping (process {process}).")
        return 1
    fault = find_fault(environment["API_URL"])
    print(f"The stack is {f'running, but {fault}' if fault else 'up'}.")
    print(f"  Process   {process}")
    print(f"  API       {environment['API_URL']}")
    print(f"  Metrics   {environment['API_METRICS_URL']}, {environment['WORKER_METRICS_URL']}")
    print(f"  S3, SQS   {environment['AWS_ENDPOINT_URL']}")
    print(f"  Postgres  {environment['DATABASE_URL'].rpartition('@')[2]}")
    return 1 if fault else 0


def find_fault(api_url: str) -> str | None:
    """Returns why the stack is not up, or None where it is.

    That the API is ready is not enough: it stays so without its database.
    """
    try:
        ready = web.ask(f"{api_url}/health/ready", timeout_seconds=2)
    except (OSError, http.client.HTTPException):
        return "the API does not answer"
    if ready.status != 200:
        return "the API is not ready"
    database = ready.json()["database"]
    return None if database == "available" else f"the database is {database}"


def print_environment(settings: StackSettings) -> int:
    """Prints `export` lines for a shell. Returns 1, and prints none, where no stack runs."""
    environment = find_environment(settings)
    if environment is None:
        print("echo 'The stack is not running. Start it with: make up' >&2")
        return 1
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def find_environment(settings: StackSettings) -> dict[str, str] | None:
    """Returns what clients of the running stack are told, or None where none is ready."""
    if lock_owner(settings.folder / "lock") is None:
        return None  # whatever file there is was left by a stack that was killed
    try:
        return read_environment(settings.folder / ENVIRONMENT_FILE)
    except FileNotFoundError:
        return None
