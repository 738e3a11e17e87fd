"""`python -m local imports`: an operator's commands, pointed at the stack that runs here."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from sqlalchemy import make_url

from local.database import environment_of
from local.settings import ROOT, StackSettings, overrule
from local.status import find_environment
from worker.roles import WORKER


def run_imports(settings: StackSettings, words: Sequence[str]) -> int:
    """Becomes `celery -A worker.app imports …`. Returns 1 where no stack runs."""
    stack = find_environment(settings)
    if stack is not None:
        password = (settings.folder / "worker-password").read_text().strip()
        url = make_url(stack["DATABASE_URL"]).set(username=WORKER, password=password)
        database = environment_of(url.render_as_string(hide_password=False))
        _become_operator(words, overrule(os.environ, {**stack, **database}))
    print("The stack is not running. Start it with: make up", file=sys.stderr)
    return 1


def _become_operator(words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    # Files are named as they are from where the command was typed.
    found = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "celery", "-A", "worker.app", "imports", *words]
    os.execve(sys.executable, command, {**environment, "PYTHONPATH": found})  # noqa: S606  no shell
