"""Importing the API opens nothing and reads no setting, and neither does making an application."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, os, pkgutil, sys

class Environment(dict):
    def __getitem__(self, name):
        seen.append(f"environment: {name}") if name.startswith("MRU_") else None
        return dict.__getitem__(self, name)
    def get(self, name, default=None):
        return self[name] if name in self else default

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen"):
        seen.append(f"{event}: {arguments[1:]}")

seen = []
os.environ = Environment(os.environ, MRU_DB_HOST="127.0.0.1")
sys.addaudithook(watch)
import api
for module in pkgutil.iter_modules(api.__path__):
    if module.name != "gunicorn_conf":  # gunicorn's own; it reads how to listen
        __import__(f"api.{module.name}")
from tests.calling import make_api
client = make_api().test_client()
client.get("/health/live")
print(json.dumps(seen))
"""


def test_nothing_is_opened_before_a_request_needs_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == []
