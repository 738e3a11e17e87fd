"""imports rules, and what backfill and validate make of rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.postgres import Address
from schemas.settings import Environment
from tests.builders import as_file, make_record
from tests.databases import make_database
from tests.operators import Office, open_office, type_imports
from worker.app import create_app
from worker.importing import Outcome

RULES = [
    {"suffix": ".crc", "action": "ignore"},
    {"bucket": "movies-r-us", "prefix": "in/", "action": "import", "on_error": "continue"},
    {"prefix": "old/", "action": "ignore"},
]
LINES: list[dict[str, Any]] = [
    {"rule": 1, "bucket": None, "prefix": "", "suffix": ".crc", "action": "ignore"},
    {"rule": 2, "bucket": "movies-r-us", "prefix": "in/", "suffix": "", "action": "import"},
    {"rule": 3, "bucket": None, "prefix": "old/", "suffix": "", "action": "ignore"},
]


@pytest.fixture
def rules(tmp_path: Path) -> str:
    (tmp_path / "rules.json").write_text(json.dumps({"rules": RULES}))
    return str(tmp_path / "rules.json")


def say(*words: str, **variables: str) -> str:
    """Types `imports rules …` where nothing but these variables is set."""
    result = type_imports(create_app(Environment(variables)), "rules", *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_rules_in_force_are_shown_in_their_order(rules: str) -> None:
    shown = say(MRU_RULES=rules)
    assert [line.split() for line in shown.splitlines()] == [
        ["RULE", "BUCKET", "PREFIX", "SUFFIX", "ACTION", "ON", "ERROR"],
        ["first", "markers", "of", "0", "bytes", "ignore"],
        ["1", ".crc", "ignore"],
        ["2", "movies-r-us", "in/", "import", "continue"],
        ["3", "old/", "ignore"],
        ["last", "import", "fail"],
    ]
    said = [json.loads(line) for line in say("--json", MRU_RULES=rules).splitlines()]
    assert said == [
        {**line, "on_error": policy}
        for line, policy in zip(LINES, [None, "continue", None], strict=True)
    ]


def test_without_a_file_markers_are_ignored_and_all_else_is_imported() -> None:
    shown = [line.split() for line in say(MRU_ON_ERROR="continue").splitlines()]
    assert shown[1:] == [
        ["first", "markers", "of", "0", "bytes", "ignore"],
        ["last", "import", "continue"],
    ]
    assert say("--json") == ""


@pytest.mark.parametrize(
    ("address", "said", "facts"),
    [
        (
            "s3://movies-r-us/in/a.json",
            "Rule 2 matches: the object is imported, with on_error continue.\n",
            {"rule": 2, "action": "import", "on_error": "continue", "ignored_if_empty": False},
        ),
        (
            "s3://movies-r-us/in/a.crc",
            "Rule 1 matches: the object is ignored.\n",
            {"rule": 1, "action": "ignore", "on_error": None, "ignored_if_empty": False},
        ),
        (
            "s3://other/in/_SUCCESS",
            (
                "If it has 0 bytes, it is a marker and ignored. Else:\n"
                "No rule matches: the object is imported, with on_error fail.\n"
            ),
            {"rule": None, "action": "import", "on_error": "fail", "ignored_if_empty": True},
        ),
    ],
)
def test_it_says_which_rule_matches_an_object_and_what_follows(
    rules: str, address: str, said: str, facts: dict[str, Any]
) -> None:
    assert say(address, MRU_RULES=rules) == said
    bucket, _, key = address.removeprefix("s3://").partition("/")
    shown = json.loads(say(address, "--json", MRU_RULES=rules))
    assert shown == {"bucket": bucket, "key": key, **facts}


def test_a_wrong_file_is_one_line_for_every_command_that_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text('{"rules": [{"action": "drop"}]}')
    result = type_imports(create_app(Environment({"MRU_RULES": str(file)})), "rules")
    line = f"MRU_RULES names {file}, in which rule 1: action: Must be one of: import, ignore."
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {line}\n")


def test_backfill_follows_the_rules_and_says_how_many_objects_it_ignored(
    aws: str, postgres: Address, tmp_path: Path
) -> None:
    file = tmp_path / "rules.json"
    listed = [*RULES[::2], {"prefix": "in/", "action": "import", "on_error": "continue"}]
    file.write_text(json.dumps({"rules": listed}))
    good = as_file([make_record(), make_record(year="x")])
    with (
        make_database(postgres) as dsns,
        open_office(aws, dsns, tmp_path, MRU_RULES=str(file)) as office,
    ):
        bodies = {"in/": b"", "_SUCCESS": b"", "in/a.json.crc": b"x", "old/a.json": good}
        for key, body in (bodies | {"in/a.json": good, "a.json": good, "empty.json": b""}).items():
            office.road.upload(body, key)
        said = office.says("backfill", office.road.bucket)
        assert said == "7 objects listed, 3 of them queued, 4 ignored.\n"
        queued = office.road.query("SELECT key, on_error FROM imports ORDER BY key")
        assert [(row["key"], row["on_error"]) for row in queued] == [
            ("a.json", "fail"),
            ("empty.json", "fail"),
            ("in/a.json", "continue"),
        ]
        outcomes = sorted(office.work_off())
        assert outcomes == [Outcome.FAILED, Outcome.FAILED, Outcome.SUCCEEDED]
        again = office.says("backfill", office.road.bucket)
        assert again == "7 objects listed, 0 of them queued, 4 ignored.\n"


def test_validate_takes_a_rules_on_error_and_says_that_a_rule_ignores_an_object(
    office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "rules.json"
    file.write_text(
        json.dumps(
            {
                "rules": [
                    {"prefix": "in/", "action": "import", "on_error": "continue"},
                    {"action": "ignore"},
                ]
            }
        )
    )
    half_good = as_file([make_record(), make_record(year="x")])
    told = Environment(office.variables | {"MRU_RULES": str(file)})
    report, said = {}, {}
    for key in ("in/a.json", "a.json"):
        office.road.upload(half_good, key)
        address = f"s3://{office.road.bucket}/{key}"
        result = type_imports(create_app(told), "validate", address, "--json")
        report[key], said[key] = json.loads(result.stdout)["on_error"], result.stderr
    assert report == {"in/a.json": "continue", "a.json": "fail"}
    assert said == {
        "in/a.json": "",
        "a.json": "No import reads this object: ignored, rule 2.\n",
    }
