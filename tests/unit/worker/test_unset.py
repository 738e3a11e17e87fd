"""Settings that are not set: a command asks for none but its own, and names it in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import Environment
from tests.builders import as_file, make_record
from tests.operators import type_imports
from worker.app import create_app
from worker.commands import imports

ROOT = Path(__file__).parents[3]
DATABASE = {"MRU_DB_HOST": "127.0.0.1", "MRU_DB_USER": "nobody", "MRU_DB_NAME": "nothing"}
ASKS_NOTHING = {"validate", "rules"}  # the one may read a file here, the other reads its own alone
WORKER = DATABASE | {"AWS_REGION": "eu-west-1", "MRU_QUEUE_URL": "http://127.0.0.1:1/queue"}


def run(*words: str, given: bytes = b"", **variables: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs `celery -A worker.app …` as a process that is told nothing but some variables."""
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker.app", *words],
        cwd=ROOT,
        env=variables,
        input=given,
        capture_output=True,
        check=False,
    )


def test_a_file_here_is_validated_by_a_process_that_is_told_nothing(tmp_path: Path) -> None:
    (tmp_path / "movies.json").write_bytes(as_file([make_record()]))
    done = run("imports", "validate", str(tmp_path / "movies.json"), "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    report = json.loads(done.stdout)
    assert (report["status"], report["on_error"], report["movies"]) == ("succeeded", "fail", 1)


def test_standard_input_is_validated_so_too_and_by_the_limits_that_are_set() -> None:
    body = as_file([make_record(), make_record(year="x")])
    done = run("imports", "validate", "-", "--json", given=body, MRU_ON_ERROR="continue")
    assert (done.returncode, done.stderr) == (1, b"")
    report = json.loads(done.stdout)
    assert (report["status"], report["movies"], report["bad_records"]) == ("succeeded", 1, 1)


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["imports", "validate", "s3://bucket/key"], {}, "AWS_REGION is not set."),
        (["imports", "list"], {}, "MRU_DB_HOST is not set."),
        (["imports", "dead"], DATABASE, "AWS_REGION is not set."),
        (["worker"], {}, "MRU_DB_HOST is not set."),
        (["worker"], DATABASE | {"AWS_REGION": "eu-west-1"}, "MRU_QUEUE_URL is not set."),
        (["worker"], WORKER, "MRU_BUCKETS is not set."),
        (
            ["worker"],
            WORKER | {"MRU_BUCKETS": "b", "MRU_BUCKET_OWNER": "12345678901"},
            "MRU_BUCKET_OWNER must be the 12 digits of an account, not '12345678901'.",
        ),
        (
            ["worker"],
            WORKER | {"MRU_BUCKETS": "b", "MRU_RULES": "/nowhere"},
            "MRU_RULES names /nowhere, which cannot be read: No such file or directory.",
        ),
        (
            ["imports", "validate", "-"],
            {"MRU_MAX_NESTING": "deep"},
            "MRU_MAX_NESTING must be a whole number, not 'deep'.",
        ),
        (
            ["imports", "validate", "-"],
            {"MRU_ON_ERROR": "ignore"},
            "MRU_ON_ERROR must be one of fail, continue, not 'ignore'.",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_one_line_that_names_it(
    words: list[str], variables: dict[str, str], said: str
) -> None:
    done = run(*words, **variables)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"Error: {said}\n"


@pytest.mark.parametrize("name", sorted(imports.commands.keys() - ASKS_NOTHING))
def test_every_command_that_asks_outside_says_what_it_misses(name: str) -> None:
    words = {
        "backfill": ["bucket"],
        "redrive": ["--all", "--yes"],
        "retry": ["--failed", "--yes"],
        "show": ["3f2b8f6e"],
        "errors": ["3f2b8f6e"],
        "undo": ["3f2b8f6e"],
        "forget-errors": ["3f2b8f6e"],
    }
    for variables in ({}, {"AWS_REGION": "eu-west-1"}):
        result = type_imports(create_app(Environment(variables)), name, *words.get(name, []))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr in {
            f"Error: {variable} is not set.\n"
            for variable in ("MRU_DB_HOST", "MRU_QUEUE_URL", "AWS_REGION")
            if variable not in variables
        }
