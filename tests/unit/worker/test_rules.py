"""Rules: which of them matches an object, and what a wrong file of them says."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.imports import OnError
from schemas.settings import Environment, SettingError
from worker.rules import Action, Decision, Rule, Rules, is_marker
from worker.rules_file import RULES_MAX_BYTES, RuleSchema, read_rules

IMPORT, IGNORE = Action.IMPORT, Action.IGNORE
IN_ORDER = Rules(
    (
        Rule(action=IGNORE, suffix=".crc"),
        Rule(action=IMPORT, bucket="one", prefix="in/", on_error=OnError.CONTINUE),
        Rule(action=IMPORT, prefix="in/", suffix=".json"),
        Rule(action=IGNORE, prefix="in/"),
    )
)


@pytest.mark.parametrize(
    ("bucket", "key", "decision"),
    [
        ("one", "in/a.json", Decision(IMPORT, 2, OnError.CONTINUE)),
        ("one", "in/a.crc", Decision(IGNORE, 1)),
        ("one", "in/a.txt", Decision(IMPORT, 2, OnError.CONTINUE)),
        ("two", "in/a.json", Decision(IMPORT, 3)),
        ("two", "in/a.txt", Decision(IGNORE, 4)),
        ("two", "in/.json", Decision(IMPORT, 3)),
        ("two", "In/a.txt", Decision(IMPORT)),
        ("two", "other/in/a.txt", Decision(IMPORT)),
        ("one", "a.crc.json", Decision(IMPORT)),
    ],
)
def test_the_first_rule_that_matches_decides(bucket: str, key: str, decision: Decision) -> None:
    assert IN_ORDER.decide(bucket, key, size=5) == decision
    assert IN_ORDER.decide(bucket, key) == decision


MARKERS = [
    "folder/",
    "a/b/",
    "/",
    "_SUCCESS",
    "out/_SUCCESS",
    "out/_committed_1234",
    "out/_started_1234",
    "out/_temporary/0/task_1/part-0.json",
    "_temporary/0",
    "folder_$folder$",
    "a/.keep",
    ".movies.json.crc",
]
NO_MARKERS = [
    "movies.json",
    "_SUCCESS.json",
    "success",
    "_success",
    "_SUCCESS/movies.json",
    "_movies.json",
    "a._committed_1",
    ".hidden/movies.json",
    "my_temporary/movies.json",
    "_temporary.json",
    "$folder$/a",
]


@pytest.mark.parametrize("key", MARKERS)
def test_a_marker_is_ignored_if_it_has_no_bytes_whatever_the_rules_say(key: str) -> None:
    everything = Rules((Rule(action=IMPORT),))
    for rules in (Rules(), everything):
        assert rules.decide("b", key, size=0) == Decision(IGNORE)
        assert not rules.decide("b", key, size=1).ignored
        assert not rules.decide("b", key).ignored
    assert is_marker(key)


@pytest.mark.parametrize("key", NO_MARKERS)
def test_an_empty_file_of_another_name_is_imported_for_somebody_to_see(key: str) -> None:
    assert Rules().decide("b", key, size=0) == Decision(IMPORT)


def written(folder: Path, content: object) -> Environment:
    file = folder / "rules.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return Environment({"MRU_RULES": str(file)})


def test_rules_are_read_in_their_order(tmp_path: Path) -> None:
    listed = [
        {"suffix": ".crc", "action": "ignore"},
        {"bucket": "one", "prefix": "in/", "action": "import", "on_error": "continue"},
        {"prefix": "in/", "suffix": ".json", "action": "import"},
        {"prefix": "in/", "action": "ignore"},
    ]
    assert read_rules(written(tmp_path, {"rules": listed})) == IN_ORDER
    with_mark = b"\xef\xbb\xbf" + json.dumps({"rules": listed}).encode()
    assert read_rules(written(tmp_path, with_mark)) == IN_ORDER
    assert read_rules(Environment({})) == Rules()


GOOD = {"action": "ignore"}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "action: Missing data for required field."),
        ({"action": "keep"}, "action: Must be one of: import, ignore."),
        ({"action": None}, "action: Field may not be null."),
        ({"action": "ignore", "sufix": ".crc"}, "sufix: Unknown field."),
        ({"action": "import", "on_error": "stop"}, "on_error: Must be one of: fail, continue."),
        ({"action": "ignore", "on_error": "fail"}, "on_error: Goes with action import alone."),
        ({"action": "ignore", "prefix": 5}, "prefix: Not a valid string."),
        (
            {"action": "ignore", "suffix": ""},
            "suffix: Must be 1 to 1024 bytes of UTF-8 without NUL.",
        ),
        (
            {"action": "ignore", "prefix": "é" * 513},
            "prefix: Must be 1 to 1024 bytes of UTF-8 without NUL.",
        ),
        (
            {"action": "ignore", "prefix": "\ud800"},
            "prefix: Must be 1 to 1024 bytes of UTF-8 without NUL.",
        ),
        ({"action": "ignore", "bucket": ""}, "bucket: Length must be between 1 and 255."),
        ("ignore", "the rule: Invalid input type."),
    ],
)
def test_a_wrong_rule_is_one_line_with_its_number_and_field(
    tmp_path: Path, rule: Any, said: str
) -> None:
    environment = written(tmp_path, {"rules": [GOOD, GOOD, rule]})
    with pytest.raises(SettingError) as raised:
        read_rules(environment)
    place = f"MRU_RULES names {tmp_path / 'rules.json'}, in which"
    assert str(raised.value) == f"{place} rule 3: {said}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "which is empty."),
        (b" \n", "which is empty."),
        (b"\xff", "which is not UTF-8."),
        (b"rules", "which is not JSON: Expecting value: line 1 column 1 (char 0)."),
        (b"[" * 60_000, "which is nested too deeply."),
        ([GOOD], 'which must be an object with one field, the list "rules".'),
        ({"rules": GOOD}, 'which must be an object with one field, the list "rules".'),
        (
            {"rules": [GOOD], "default": "import"},
            'which must be an object with one field, the list "rules".',
        ),
        ({"rules": []}, "which has no rule."),
        (
            b'{"rules": [{"action": "ignore", "action": "import"}]}',
            "in which an object has 'action' twice.",
        ),
        (b" " * (RULES_MAX_BYTES + 1), "which has more than 65536 bytes."),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(SettingError) as raised:
        read_rules(written(tmp_path, content))
    assert str(raised.value) == f"MRU_RULES names {tmp_path / 'rules.json'}, {said}"


def test_a_number_of_very_many_digits_is_one_line_too(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="which is not JSON: "):
        read_rules(written(tmp_path, b'{"rules": ' + b"9" * 5000 + b"}"))


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a dir")):
        with pytest.raises(SettingError) as raised:
            read_rules(Environment({"MRU_RULES": str(path)}))
        assert str(raised.value).startswith(f"MRU_RULES names {path}, which cannot be read: {said}")


def test_of_many_faults_three_are_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as raised:
        read_rules(written(tmp_path, {"rules": [{}] * 5}))
    said = str(raised.value)
    assert [number for number in range(1, 6) if f"rule {number}:" in said] == [1, 2, 3]
    assert said.endswith(" And 2 more.")


@pytest.mark.parametrize(("heading", "good"), [("that pass", True), ("that do not", False)])
def test_the_examples_of_the_schema_are_what_they_say(heading: str, *, good: bool) -> None:
    text = (RuleSchema.__doc__ or "").partition(f"Examples {heading}:\n")[2]
    block = text.partition("    Examples")[0]
    examples = [json.loads(line) for line in block.splitlines() if line.strip()]
    assert len(examples) >= 3
    assert all(bool(RuleSchema().validate(example)) is not good for example in examples)
