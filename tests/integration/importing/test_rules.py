"""Rules and markers, on real objects: what is ignored leaves nothing behind, and reads nothing."""

import dataclasses
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.notification import Notification
from tests.builders import as_file, make_record
from tests.short_road import MakeRoad, Road
from worker.importing import Outcome

GOOD = as_file([make_record()])
HALF_GOOD = as_file([make_record(), make_record(year="x")])


@pytest.fixture
def ruled(make_road: MakeRoad, tmp_path: Path) -> Callable[..., Road]:
    def make(*rules: dict[str, Any], **variables: str) -> Road:
        file = tmp_path / "rules.json"
        file.write_text(json.dumps({"rules": rules}))
        return make_road(MRU_RULES=str(file), **variables)

    return make


def announced(road: Road, body: bytes, key: str) -> Notification:
    """Uploads an object, and announces it as S3's event does: with its size."""
    return dataclasses.replace(road.upload(body, key), size=len(body))


def reads(road: Road) -> list[str]:
    """Returns, from now on, the keys that the importer asks S3 for."""
    keys: list[str] = []
    road.importer.s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: keys.append(params["Key"])
    )
    return keys


@pytest.mark.parametrize("key", ["folder/", "out/_SUCCESS", "out/_temporary/0/part.json"])
def test_a_marker_leaves_no_entry_and_nothing_is_read(road: Road, key: str) -> None:
    asked = reads(road)
    with capture_logs() as logs:
        assert road.importer.run(announced(road, b"", key)) is Outcome.IGNORED
    assert road.query("SELECT * FROM imports") == []
    assert asked == []
    assert [line["reason"] for line in logs if line["event"] == "import ignored"] == [
        "a marker of 0 bytes"
    ]


def test_a_marker_whose_size_is_not_announced_leaves_no_entry_either(road: Road) -> None:
    asked = reads(road)
    assert road.importer.run(road.upload(b"", "folder/")) is Outcome.IGNORED
    assert road.query("SELECT * FROM imports") == []
    assert asked == ["folder/"]


def test_a_marker_that_has_bytes_is_a_file(road: Road) -> None:
    assert road.importer.run(announced(road, GOOD, "out/_SUCCESS")) is Outcome.SUCCEEDED


def test_an_empty_file_of_another_name_fails_for_somebody_to_see(road: Road) -> None:
    assert road.importer.run(announced(road, b"", "movies.json")) is Outcome.FAILED
    assert road.entry()["error_code"] == "empty"


def test_a_rule_ignores_by_suffix_and_nothing_is_read(ruled: Callable[..., Road]) -> None:
    road = ruled({"suffix": ".crc", "action": "ignore"})
    asked = reads(road)
    with capture_logs() as logs:
        assert road.run(GOOD, "in/movies.json.crc") is Outcome.IGNORED
    assert road.run(GOOD, "in/movies.json") is Outcome.SUCCEEDED
    assert asked == ["in/movies.json"]
    assert [row["key"] for row in road.query("SELECT key FROM imports")] == ["in/movies.json"]
    assert {"reason": "rule 1"}.items() <= logs[0].items()


@pytest.mark.parametrize(
    ("setting", "rule", "elsewhere"),
    [("fail", "continue", Outcome.FAILED), ("continue", "fail", Outcome.SUCCEEDED)],
)
def test_a_rules_on_error_overrides_the_setting(
    ruled: Callable[..., Road], setting: str, rule: str, elsewhere: Outcome
) -> None:
    road = ruled({"prefix": "in/", "action": "import", "on_error": rule}, MRU_ON_ERROR=setting)
    here = Outcome.FAILED if elsewhere is Outcome.SUCCEEDED else Outcome.SUCCEEDED
    assert road.run(HALF_GOOD, "in/movies.json") is here
    assert road.entry()["on_error"] == rule
    assert road.run(HALF_GOOD, "movies.json") is elsewhere
    assert road.entry()["on_error"] == setting


def test_what_cannot_be_read_has_its_rules_on_error_too(ruled: Callable[..., Road]) -> None:
    road = ruled({"action": "import", "on_error": "continue"})
    assert road.importer.run(road.notification("missing.json", etag="0" * 32)) is Outcome.FAILED
    assert road.entry()["on_error"] == "continue"


def test_what_the_ledger_has_is_brought_to_its_end_whatever_the_rules_say_now(
    make_road: MakeRoad, ruled: Callable[..., Road]
) -> None:
    before = make_road()
    notification = announced(before, b"", "movies.json")
    assert before.importer.run(notification) is Outcome.FAILED
    change_entry(before, "status = 'queued', finished_at = NULL")  # as a retry does
    after = ruled({"action": "ignore"})
    assert after.importer.run(notification) is Outcome.FAILED
    assert after.entry()["attempts"] == 2


def test_so_is_what_was_never_read(make_road: MakeRoad, ruled: Callable[..., Road]) -> None:
    """A retry of a file that was not there: the ledger knows no version of it yet."""
    before = make_road()
    bare = Notification(id=uuid.uuid4(), bucket=before.bucket, key="movies.json")
    assert before.importer.run(bare) is Outcome.FAILED
    change_entry(before, "status = 'queued', finished_at = NULL")
    before.upload(GOOD)
    assert ruled({"action": "ignore"}).importer.run(bare) is Outcome.SUCCEEDED
    assert before.entry()["attempts"] == 2


def test_an_announcement_of_a_version_that_the_ledger_has_leads_there(road: Road) -> None:
    """A marker that failed before markers were ignored."""
    failed = announced(road, b"", "movies.json")
    assert road.importer.run(failed) is Outcome.FAILED
    road.upload(b"", "folder/")
    stored = road.s3.head_object(Bucket=road.bucket, Key="folder/")["LastModified"]
    change_entry(road, f"key = 'folder/', last_modified = '{stored.isoformat()}'")
    bare = Notification(id=uuid.uuid4(), bucket=road.bucket, key="folder/")
    assert road.importer.run(bare) is Outcome.KNOWN
    assert road.query("SELECT * FROM import_aliases") == [
        {"id": str(bare.id), "import_id": str(failed.id)}
    ]


def change_entry(road: Road, assignments: str) -> None:
    with road.importer.database.connect() as connection:
        connection.exec_driver_sql(f"UPDATE imports SET {assignments}")
        connection.commit()
