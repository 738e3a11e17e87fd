"""What is asked: the API, and the floor beside it, each under gunicorn with the API's own settings
in processes of its own.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.plan import ROOT
from bench.searching.client import Reply
from bench.searching.floor import ANSWER_FILE
from local import web
from local.database import environment_of
from local.ports import HOST, listen, port_of
from local.processes import Command, Supervisor
from schemas.settings import MIN_SECRET_CHARACTERS

_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_LAYER: Final = 1  # stopped before Postgres is
# Nothing is sent anywhere: searches need neither queue nor bucket.
_UNUSED: Final = {
    "AWS_REGION": "eu-west-1",
    "MRU_QUEUE_URL": f"http://{HOST}:9/none",
    "MRU_BUCKETS": "none",
    "MRU_NOTIFICATION_SECRET": "none".ljust(MIN_SECRET_CHARACTERS, "-"),
}
# gunicorn's configuration checks the API's settings, whatever it serves.
_NO_DATABASE: Final = {"MRU_DB_HOST": HOST, "MRU_DB_USER": "none", "MRU_DB_NAME": "none"}
# gunicorn's and the connection's own.
_NOT_THE_VIEWS: Final = {"server", "date", "connection", "content-length"}


def start_api(supervisor: Supervisor, dsn: str, **more: str) -> int:
    """Starts the API on a database, waits until it is ready, and returns its port.

    `more` are variables of its environment.
    """
    environment = {**_UNUSED, **environment_of(dsn), **more}
    port = _start(supervisor, "api", "api.wsgi:create()", environment)
    ready = f"http://{HOST}:{port}/health/ready"
    supervisor.wait_until("api", lambda: web.answers(ready))
    return port


def start_floor(supervisor: Supervisor, constant: Reply, folder: Path) -> int:
    """Starts the view that always answers what the API answered once, and returns its port."""
    file = folder / "constant.json"
    headers = {
        name: value for name, value in constant.headers.items() if name not in _NOT_THE_VIEWS
    }
    file.write_text(json.dumps({"headers": headers, "body": constant.body.decode()}))
    environment = {**_UNUSED, **_NO_DATABASE, ANSWER_FILE: str(file)}
    port = _start(supervisor, "floor", "bench.searching.floor:create()", environment)
    supervisor.wait_until("floor", lambda: web.answers(f"http://{HOST}:{port}/movies"))
    return port


def _start(
    supervisor: Supervisor, name: str, application: str, environment: Mapping[str, str]
) -> int:
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    with closing(listen(0, "no variable")) as listener:
        words = ("gunicorn", "--config", "api/gunicorn_conf.py", "--log-level", "warning")
        bound = ("--bind", f"fd://{listener.fileno()}", application)
        supervisor.start(
            Command(
                name=name,
                argv=(sys.executable, "-m", *words, *bound),
                environment={**inherited, **environment},
                folder=ROOT,
                inherit=(listener.fileno(),),
                layer=_LAYER,
            )
        )
        return port_of(listener)
