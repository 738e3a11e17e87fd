"""Dashboard and alerts against real processes: whatever they name, API and worker show."""

import re
import time
import urllib.request
from pathlib import Path

from tests.local_stack import DEADLINE_SECONDS, ROOT, running_stack, upload, wait_for_import
from tests.observability import README, named_metrics, series_of
from tests.scraping import Scrape


def test_every_metric_that_dashboard_and_alerts_name_is_shown_and_every_one_shown_is_described(
    tmp_path: Path,
) -> None:
    with running_stack(tmp_path) as (environment, _):
        for sample in ("movies.json", "bad-records.json"):
            upload(environment, ROOT / "samples" / sample)
            wait_for_import(environment, sample)
        for _ in range(2):
            with urllib.request.urlopen(f"{environment['API_URL']}/movies?title=a") as answer:
                assert answer.status == 200
        api = Scrape.of(environment["API_METRICS_URL"])
        worker = Scrape.of(environment["WORKER_METRICS_URL"])
        # The worker counts what its processes told it a moment ago.
        deadline = time.monotonic() + DEADLINE_SECONDS
        while worker.sum("mru_imports_total") < 2:
            assert time.monotonic() < deadline
            worker = Scrape.of(environment["WORKER_METRICS_URL"])
    shown = api.series() | worker.series()
    assert named_metrics() - shown == set()
    described = re.findall(r"^\| `(mru_\w+)` \| (\w+) \|", README.read_text("utf-8"), re.MULTILINE)
    assert shown == {series for name, kind in described for series in series_of(name, kind)}
    check_the_counts(api, worker)


def check_the_counts(api: Scrape, worker: Scrape) -> None:
    """Fails unless two uploads and two searches are what was counted."""
    assert api.sum("mru_api_requests_total", route="/movies", status=200) == 2
    assert api.sum("mru_api_requests_total", route="/notifications", status=202) == 2
    assert worker.sum("mru_imports_total", outcome="succeeded") == 1
    assert worker.sum("mru_imports_total", outcome="failed", error_code="bad_records") == 1
    assert worker.sum("mru_messages_total") == worker.sum("mru_messages_total", result="done") == 2
    assert worker.sum("mru_import_records_total", outcome="inserted") == 226
    assert worker.sum("mru_import_records_total", outcome="rejected") == 12
    assert worker.sum("mru_import_event_to_commit_seconds_count") == 1
    assert worker.sum("mru_probe_up", source="queue") == 1
    assert worker.sum("mru_probe_up", source="ledger") == 1
    assert worker.sum("mru_queue_messages", queue="dead") == 0
    assert worker.sum("mru_worker_last_poll_age_seconds") < 10
