"""Workers are killed, told to end, or starved of memory in the middle of an import: nobody ever
sees a part of it, it is done once, and the others go on.
"""

import gzip
import resource
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.database import Dsns
from tests.builders import as_file, make_record
from tests.rig import DEADLINE_SECONDS, wait_until
from tests.road import Road, Site, kill, make_road
from tests.scraping import Scrape, shown_port
from tests.uploads import (
    Upload,
    check_all_is_well,
    check_imported_once,
    hold_up,
    id_of,
    put_movies,
    status_of,
    titles_of,
    upload_movies,
    wait_until_put_off,
    wait_until_written,
)


def test_an_import_whose_process_is_killed_is_done_by_the_next_process(site: Site) -> None:
    road = site.road
    upload = put_movies(road)
    hold_up(road, upload)
    road.announce(upload.notification)
    wait_until_written(road)
    for child in psutil.Process(site.worker.pid).children():
        child.kill()
    assert titles_of(road, upload) == []
    check_imported_once(road, upload, attempts=2)
    # Most often at once, and within five seconds at the latest.
    wait_until("it is missed", lambda: road.logged("the process of a task was lost"))
    port = shown_port(road.rig.traces("worker.log"))
    lost = {"result": "process_lost"}
    wait_until("it is counted", lambda: Scrape.at(port).sum("mru_messages_total", **lost))


@pytest.fixture
def own_road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    """A road whose workers a test may end."""
    with make_road(aws, database, tmp_path, visibility_seconds=3) as road:
        yield road


def test_an_import_whose_worker_is_killed_is_done_by_the_next_worker(own_road: Road) -> None:
    upload = put_movies(own_road)
    hold_up(own_road, upload)
    with own_road.running_worker(MRU_CHUNK_RECORDS="10") as worker:
        own_road.announce(upload.notification)
        wait_until_written(own_road)
        kill(worker)
    assert titles_of(own_road, upload) == []
    assert status_of(own_road, upload) == "running"
    with own_road.running_worker() as worker:
        check_imported_once(own_road, upload, attempts=2)
        check_all_is_well(own_road, worker)


def test_a_worker_that_is_told_to_end_ends_its_import_and_leaves_the_next_one_to_others(
    own_road: Road,
) -> None:
    first = put_movies(own_road)
    gate = hold_up(own_road, first)
    with own_road.running_worker(MRU_CHUNK_RECORDS="10") as old:
        own_road.announce(first.notification)
        wait_until_written(own_road)
        old.send_signal(signal.SIGTERM)
        second = upload_movies(own_road)
        with own_road.running_worker() as new:
            wait_until("the other has it", lambda: status_of(own_road, second) == "succeeded")
            gate.open()
            assert old.wait(DEADLINE_SECONDS) == 0
            check_imported_once(own_road, first)
            check_imported_once(own_road, second)
            check_all_is_well(own_road, new)


def test_a_worker_that_has_to_end_soon_gives_its_import_to_others(own_road: Road) -> None:
    upload = put_movies(own_road)
    hold_up(own_road, upload)
    with own_road.running_worker(MRU_CHUNK_RECORDS="10") as old:
        own_road.announce(upload.notification)
        wait_until_written(own_road)
        old.send_signal(signal.SIGQUIT)  # it waits for the import, but for ten seconds only
        with own_road.running_worker() as new:
            old.wait(DEADLINE_SECONDS)
            check_imported_once(own_road, upload, attempts=2)
            check_all_is_well(own_road, new)


def put_a_hungry_file(road: Road) -> Upload:
    """Uploads a small file whose records need much memory, and says nothing of it."""
    name = uuid.uuid4().hex[:12]
    # Ignored, but parsed: 4.5 MB of these are 120 in memory.
    ignored = [{"": 0}] * 500_000
    records = [
        make_record(title=f"Film {number}", cast=[name], ignored=ignored) for number in range(2)
    ]
    notification = road.upload(gzip.compress(as_file(records), 1), f"{name}.json.gz")
    return Upload(notification, sorted(f"{record['title']} {name}" for record in records))


def warm_up(road: Road) -> None:
    """Lets each of the two processes make all that it makes but once: connections and clients."""
    uploads = [put_movies(road) for _ in range(2)]
    gates = [hold_up(road, upload) for upload in uploads]
    for upload in uploads:
        road.announce(upload.notification)
    before = road.rig.proxy.count("ChangeMessageVisibility")
    wait_until(
        "both keep their messages",
        lambda: road.rig.proxy.count("ChangeMessageVisibility") >= before + 2,
    )
    for gate in gates:
        gate.open()
    for upload in uploads:
        check_imported_once(road, upload)


def test_an_import_that_needs_too_much_memory_waits_while_others_are_done(site: Site) -> None:
    road = site.road
    warm_up(road)
    processes = psutil.Process(site.worker.pid).children()
    unlimited = resource.RLIM_INFINITY
    for process in processes:
        enough_for_small_files = process.memory_info().vms + 32 * 1024 * 1024
        resource.prlimit(process.pid, resource.RLIMIT_AS, (enough_for_small_files, unlimited))
    try:
        hungry = put_a_hungry_file(road)
        road.announce(hungry.notification)
        wait_until_put_off(road, hungry, "It took more memory than there is.")
        other = upload_movies(road)
        wait_until("the other is imported", lambda: status_of(road, other) == "succeeded")
    finally:
        for process in processes:
            resource.prlimit(process.pid, resource.RLIMIT_AS, (unlimited, unlimited))
    puts_off = len(road.logged("import put off", import_id=id_of(hungry)))
    check_imported_once(road, hungry, attempts=puts_off + 1)
    check_imported_once(road, other)
