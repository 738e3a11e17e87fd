"""A real worker and its rules: messages of ignored objects are done with, and counted as that."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.database import Dsns
from tests.builders import as_file, make_record
from tests.rig import wait_until
from tests.road import Road, make_road
from tests.scraping import Scrape, shown_port
from worker.services import PROBE_KEY


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_road(aws, database, tmp_path) as road:
        yield road


def write(folder: Path, *rules: dict[str, Any]) -> str:
    file = folder / "rules.json"
    file.write_text(json.dumps({"rules": rules}))
    return str(file)


def test_a_folder_and_what_a_rule_ignores_leave_no_failure_and_a_rule_sets_on_error(
    road: Road, tmp_path: Path
) -> None:
    rules = write(
        tmp_path,
        {"suffix": ".crc", "action": "ignore"},
        {"bucket": road.bucket, "prefix": "in/", "action": "import", "on_error": "continue"},
    )
    half_good = as_file([make_record(), make_record(year="x")])
    for key, body in (("in/", b""), ("in/m.json.crc", b"crc"), ("in/m.json", half_good)):
        road.announce(dataclasses.replace(road.upload(body, key), size=len(body)))
    road.rig.proxy.clear()
    with road.running_worker(MRU_RULES=rules, MRU_METRICS_BIND="127.0.0.1:0"):
        road.wait_until_imported(1)
        road.wait_until_queue_is_empty()
        scraped = shown_port(road.rig.traces("worker.log"))
        wait_until("all are counted", lambda: Scrape.at(scraped).sum("mru_imports_total") == 3)
        shown = Scrape.at(scraped)
    assert shown.sum("mru_imports_total", outcome="ignored") == 2
    assert shown.sum("mru_imports_total", outcome="failed") == 0
    assert shown.sum("mru_messages_total", result="done") == 3
    assert road.query("SELECT key, status, on_error FROM imports") == [
        ("in/m.json", "succeeded", "continue")
    ]
    assert road.rig.count(road.rig.dead_queue_url) == 0
    ignored = {line["key"]: line["reason"] for line in road.logged("import ignored")}
    assert ignored == {"in/": "a marker of 0 bytes", "in/m.json.crc": "rule 1"}
    # At its start a worker also asks whether S3 answers, for an object that is never there.
    asked = [one.line for one in road.rig.proxy.requests if one.line.startswith("GET /")]
    read = [line for line in asked if PROBE_KEY not in line]
    assert [line.split()[1] for line in read] == [f"/{road.bucket}/in/m.json"]


def test_a_rule_about_a_bucket_that_is_not_imported_ends_the_start(
    road: Road, tmp_path: Path
) -> None:
    rules = write(tmp_path, {"action": "import"}, {"bucket": "movie-r-us", "action": "ignore"})
    with road.running_worker(MRU_RULES=rules) as worker:
        assert worker.wait(60) == 2
    fault = "rule 2: bucket: 'movie-r-us' is none of MRU_BUCKETS."
    assert road.rig.traces("worker.log") == [f"Error: MRU_RULES names {rules}, in which {fault}"]
