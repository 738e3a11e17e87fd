"""docs/configuration.md against the code: every variable, both ways, and every default."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import Settings as ApiSettings
from local.settings import StackSettings
from notifier import settings as notifier
from schemas.settings import Environment
from tests.builders import SECRET
from worker.settings import Settings as WorkerSettings

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("api", "worker", "notifier", "schemas", "local")
VARIABLE = re.compile(r"(MRU|WEB)_[A-Z_]*[A-Z]")
ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>[^|]+) \|", re.MULTILINE)
_SECRETS = ("_SECRET", "_PASS", "_TOKEN", "_API_KEYS")
# What the stack writes to stack.env for other programs; no room reads them.
WRITTEN = {"MRU_BUCKET", "MRU_DEAD_QUEUE_URL"}

REQUIRED = {
    "MRU_DB_HOST": "db.example",
    "MRU_DB_USER": "mru_api",
    "MRU_DB_NAME": "movies",
    "AWS_REGION": "eu-west-1",
    "MRU_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/imports",
    "MRU_BUCKETS": "movies-r-us",
    "MRU_NOTIFICATION_SECRET": SECRET,
    "MRU_API_URL": "https://api.example",
}


def documented() -> list[tuple[str, str]]:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    return [(row["name"], row["default"].strip()) for row in ROW.finditer(page)]


def read_by_the_code() -> Iterator[str]:
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                value = node.value if isinstance(node, ast.Constant) else None
                if isinstance(value, str) and VARIABLE.fullmatch(value):
                    yield value


def test_every_variable_of_the_code_is_documented_and_no_other() -> None:
    names = {name for name, _ in documented() if VARIABLE.fullmatch(name)}
    read = set(read_by_the_code()) - WRITTEN
    # `secret_file` puts the ending to the name that it is given.
    read |= {f"{name}_FILE" for name in read if name.endswith(_SECRETS)}
    assert names == read


def settings_with(variables: dict[str, str], *, of_the_stack: bool) -> list[object]:
    environment = Environment(REQUIRED | variables)
    if of_the_stack:
        return [StackSettings.read(environment)]
    return [
        ApiSettings.read(environment),
        WorkerSettings.read(environment),
        notifier.read_settings(environment.values),
    ]


@pytest.mark.parametrize(
    ("name", "default"),
    [(name, default.strip("`")) for name, default in documented() if default.startswith("`")],
)
def test_a_documented_default_is_the_codes(name: str, default: str) -> None:
    value = str(ROOT / default) if name == "MRU_LOCAL_DIR" else default
    local = name.startswith("MRU_LOCAL_")
    given = settings_with({name: value}, of_the_stack=local)
    assert given == settings_with({}, of_the_stack=local)
