"""What is typed at `celery -A worker.app imports`, as far as nothing outside is asked."""

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from celery import Celery
from celery.bin.celery import celery
from click.shell_completion import BashComplete

from schemas.settings import Environment
from tests.builders import as_file, make_record
from tests.operators import type_imports
from worker.app import create_app
from worker.commands import imports, screen
from worker.commands.parameters import Since

NOWHERE = {
    "MRU_DB_HOST": "127.0.0.1",
    "MRU_DB_PORT": "1",
    "MRU_DB_USER": "nobody",
    "MRU_DB_NAME": "nothing",
    "AWS_REGION": "eu-west-1",
    "MRU_QUEUE_URL": "http://127.0.0.1:1/queue",
    "MRU_BUCKETS": "movies-r-us",
}


@pytest.fixture
def app() -> Celery:
    return create_app(Environment(NOWHERE))


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--since", "yesterday"],
        ["list", "--since", "999999w"],
        ["list", "--status", "done"],
        ["list", "--error", "bad"],
        ["list", "--limit", "0"],
        ["list", "--key", "\udcff"],
        ["show", "xyz"],
        ["show", "3f2"],
        ["show"],
        ["errors", "s3://bucket"],
        ["watch", "nothing"],
        ["retry"],
        ["retry", "3f2b8f6e", "--failed"],
        ["retry", "--failed", "--reason", " "],
        ["retry", "--failed", "--on-error", "ignore"],
        ["retry", "--failed", "--by", "\udcff"],
        ["validate"],
        ["validate", "-", "--on-error", "ignore"],
        ["rules", "bucket/key"],
        ["rules", "s3://bucket/"],
        ["dead", "--limit", "x"],
        ["redrive"],
        ["redrive", "3f2b8f6e", "--all"],
        ["redrive", "--all"],  # nobody is there to agree
        ["undo"],
        ["backfill"],
        ["no-such-command"],
    ],
)
def test_what_is_typed_wrongly_is_exit_code_2(app: Celery, words: list[str]) -> None:
    result = type_imports(app, *words)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", imports.commands)
def test_every_command_has_help_with_examples_that_it_understands(app: Celery, name: str) -> None:
    said = type_imports(app, name, "--help").stdout
    command = imports.commands[name]
    examples = said.partition("Examples:\n")[2].partition("\n\nOptions:")[0].splitlines()
    assert examples
    for example in examples:
        assert f"celery -A worker.app imports {name}" in example
        words = shlex.split(example.partition(f" imports {name}")[2])
        command.make_context(name, words)  # raises UsageError for what it does not know


def test_a_file_is_validated_without_database_or_queue(app: Celery, tmp_path: Path) -> None:
    file = tmp_path / "movies.json"
    file.write_bytes(as_file([make_record()]))
    assert type_imports(app, "validate", file).exit_code == 0
    assert type_imports(app, "validate", "-", given=file.read_bytes()).exit_code == 0
    refused = type_imports(app, "validate", "-", given=b"nothing")
    assert refused.exit_code == 1
    assert "not_json" in refused.stdout


def test_a_file_that_is_not_there_is_one_clear_line(app: Celery, tmp_path: Path) -> None:
    for file, said in ((tmp_path / "missing", "No such file"), (tmp_path, "Is a directory")):
        result = type_imports(app, "validate", file)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: {file}: {said}")
        assert result.stderr.count("\n") == 1


def test_another_app_than_ours_is_told_so() -> None:
    result = type_imports(Celery("another", set_as_current=False), "list")
    assert result.exit_code == 2
    assert "celery -A worker.app imports" in result.stderr


def complete(words: str) -> list[str]:
    """Returns what a shell is told to offer after these words."""
    answer = subprocess.run(
        [Path(sys.executable).with_name("celery")],
        env=os.environ
        | {
            "_CELERY_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split())),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in answer.stdout.splitlines()]


def test_a_shell_offers_the_commands_and_the_values_of_their_options() -> None:
    assert complete("celery -A worker.app imports ") == list(imports.commands)
    offered = BashComplete(celery, {}, "celery", "_CELERY_COMPLETE").get_completions(
        ["-A", "worker.app", "imports", "list", "--status"], "s"
    )
    assert [item.value for item in offered] == ["succeeded", "superseded"]


def test_a_shell_learns_from_celery_itself_how_to_complete() -> None:
    answer = subprocess.run(
        [Path(sys.executable).with_name("celery")],
        env=os.environ | {"_CELERY_COMPLETE": "bash_source"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "complete -o nosort -F _celery_completion celery" in answer.stdout


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        (" 1D ", timedelta(days=1)),
        ("1 w", timedelta(weeks=1)),
    ],
)
def test_a_time_may_be_so_long_ago(text: str, ago: timedelta) -> None:
    moment = Since().convert(text, None, None)
    assert abs(datetime.now(UTC) - ago - moment) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T08:00", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24T08:00:00+02:00", datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ("2026-11-24T08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
    ],
)
def test_a_time_may_be_one_of_the_calendar_and_is_utc_unless_it_says_otherwise(
    text: str, moment: datetime
) -> None:
    assert Since().convert(text, None, None) == moment


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="say 30m, 2h"):
        Since().convert("soon", None, None)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (2_453_005, "2.5 MB"),
        (5e15, "5,000.0 TB"),
    ],
)
def test_sizes_are_told_in_the_unit_that_fits(count: float, said: str) -> None:
    assert screen.size(count) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0"), (2_500, "2,500"), (24_400, "24k"), (999_000, "999k"), (4_567_890, "4.6M")],
)
def test_numbers_beside_a_bar_are_brief(count: float, said: str) -> None:
    assert screen.brief(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (59, "59 s"), (60, "1 m"), (7200, "2 h"), (200_000, "2 d")]
)
def test_spans_are_told_in_their_largest_unit(seconds: float, said: str) -> None:
    assert screen.lasting(seconds) == said


def test_printable_text_does_nothing_to_a_terminal() -> None:
    assert screen.printable("a\x1b[0m\n\u202e\U000e0001é映") == r"a\x1b[0m\n\u202e\U000e0001é映"
