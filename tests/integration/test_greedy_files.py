"""Greedy files through a real worker: what each costs it, what comes behind them, and what is
answered afterwards.
"""

import dataclasses
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from local.database import Dsns
from local.postgres import Address
from schemas.notification import Notification
from tests.builders import as_file, make_records
from tests.calling import api_environment
from tests.databases import make_database
from tests.greedy import FILES, greedy_file
from tests.gunicorn import Gunicorn
from tests.rig import wait_until
from tests.road import Road, Worker, make_road

CPU_SECONDS: Final = 10
PEAK_MEGABYTES: Final = 300
VISIBLE_SECONDS: Final = 10
ANSWER_BYTES: Final = 1_000_000
ANSWER_SECONDS: Final = 0.3
_QUEUE_SECONDS: Final = 300  # for all the files, on a busy machine


@dataclasses.dataclass(frozen=True)
class Site:
    """A worker as it runs in production, and what it cost so far."""

    road: Road
    worker: Worker

    def processes(self) -> list[psutil.Process]:
        main = psutil.Process(self.worker.pid)
        return [main, *main.children(recursive=True)]

    def cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self.processes()]
        return float(sum(each.user + each.system for each in times))

    def peak_megabytes(self) -> dict[int, int]:
        return {process.pid: _peak_megabytes(process.pid) for process in self.processes()}

    def ended(self, notification: Notification) -> tuple[str, str | None] | None:
        """Returns how an import ended, if it did: its status, and the code of its failure."""
        sql = "SELECT status, error_code FROM imports WHERE id = %s AND finished_at IS NOT NULL"
        rows = self.road.query(sql, str(notification.id))
        return (rows[0][0], rows[0][1] or None) if rows else None


def _peak_megabytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) // 1024


@pytest.fixture(scope="module")
def database_of_all(postgres: Address) -> Iterator[Dsns]:
    with make_database(postgres) as dsns:
        yield dsns


@pytest.fixture(scope="module")
def site(
    aws: str, database_of_all: Dsns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("greedy")
    with (
        make_road(aws, database_of_all, folder, visibility_seconds=120, max_receives=10) as road,
        road.running_worker(MRU_CHUNK_RECORDS="5000") as worker,
    ):
        site = Site(road, worker)
        first = road.upload(as_file(make_records(3)), "first.json")
        road.announce(first)
        wait_until("the worker is up", lambda: site.ended(first))
        yield site


def test_there_are_at_least_twenty() -> None:
    assert len(FILES) >= 20


@pytest.mark.parametrize("name", FILES)
def test_a_greedy_file_ends_as_it_should_within_its_bounds(site: Site, name: str) -> None:
    _, code = FILES[name]
    processes = site.peak_megabytes().keys()
    notification = site.road.upload(greedy_file(name), f"alone/{name}.json")
    before = site.cpu_seconds()
    site.road.announce(notification)
    wait_until("it has ended", lambda: site.ended(notification))
    cost, peak = site.cpu_seconds() - before, site.peak_megabytes()
    print(f"{name}: {cost:.1f} s of CPU, {max(peak.values())} MB, {site.ended(notification)}")
    assert site.ended(notification) == (("failed", code) if code else ("succeeded", None))
    assert cost < CPU_SECONDS
    assert peak.keys() == processes  # none was lost on the way
    assert max(peak.values()) < PEAK_MEGABYTES


@dataclasses.dataclass(frozen=True)
class Queued:
    """All the files in the queue at once, and a good one behind them, which have all ended."""

    good: Notification
    wait_seconds: float  # from the end of the last of them until the good one was visible


@pytest.fixture(scope="module")
def queued(site: Site) -> Queued:
    road = site.road
    greedy = [road.upload(greedy_file(name), f"queued/{name}.json") for name in FILES]
    for notification in greedy:
        road.announce(notification)
    good = road.upload(as_file(make_records(5, cast=["Good"])), "good.json")
    road.announce(good)
    announced = time.time()
    deadline = time.monotonic() + _QUEUE_SECONDS
    while site.ended(good) is None or not all(map(site.ended, greedy)):
        assert time.monotonic() < deadline, [each.key for each in greedy if not site.ended(each)]
        time.sleep(0.1)
    times = "SELECT extract(epoch FROM finished_at)::float FROM imports WHERE key LIKE %s"
    last = max(seconds for (seconds,) in road.query(times, "queued/%"))
    ((visible,),) = road.query(times, "good.json")
    return Queued(good, visible - max(last, announced))


def test_a_good_file_behind_all_of_them_is_visible_soon(site: Site, queued: Queued) -> None:
    print(f"visible {queued.wait_seconds:.2f} s after the last of them")
    assert site.ended(queued.good) == ("succeeded", None)
    assert queued.wait_seconds < VISIBLE_SECONDS
    assert max(site.peak_megabytes().values()) < PEAK_MEGABYTES
    assert site.road.rig.count(site.road.rig.dead_queue_url) == 0


@pytest.mark.parametrize("path", ["/", "/movies", "/movies/facets"])
def test_what_is_answered_afterwards_is_small_and_quick(
    gunicorn: Gunicorn, site: Site, path: str
) -> None:
    seconds: list[float] = []
    for _ in range(3):
        # So that no answer is one that was kept, and each has to be made.
        site.road.execute("UPDATE data_version SET version = version + 1")
        began = time.perf_counter()
        status, body = gunicorn.get(path)
        seconds.append(time.perf_counter() - began)
        assert status == 200
        assert len(body) < ANSWER_BYTES
    print(f"{path}: {len(body)} bytes, {min(seconds):.3f} to {max(seconds):.3f} s")
    assert min(seconds) < ANSWER_SECONDS  # the machine may have been busy


@pytest.fixture(scope="module")
def gunicorn(database_of_all: Dsns, site: Site, queued: Queued) -> Iterator[Any]:
    ((largest,),) = site.road.query("SELECT count(*) FROM movies WHERE year = 2100")
    assert largest > 100  # first on every page
    with Gunicorn(api_environment(database_of_all.api, WEB_CONCURRENCY="1")) as running:
        for path in ("/?title=none", "/movies?title=none", "/movies/facets?title=none"):
            running.get(path)  # which templates and connections are made for
        yield running
