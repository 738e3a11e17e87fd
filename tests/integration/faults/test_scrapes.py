"""What the worker shows while what it asks for it is away: a scrape never fails because of that."""

import time

from tests import faults
from tests.proxies import TcpProxy
from tests.rig import wait_until
from tests.road import Road
from tests.scraping import Scrape, shown_port
from worker.probes import GOOD_FOR_SECONDS


def test_a_scrape_is_answered_while_sqs_hangs_and_postgres_is_away(
    road: Road, postgres_proxy: TcpProxy
) -> None:
    wait_until("the worker is up", lambda: road.logged("metrics are shown"))
    port = shown_port(road.rig.traces("worker.log"))
    hanging = road.rig.proxy.plan(faults.hang, operation="GetQueueAttributes")
    postgres_proxy.refusing = True
    try:
        deadline = time.monotonic() + GOOD_FOR_SECONDS + 20  # an earlier answer may still be good
        while (scrape := Scrape.at(port)).sum("mru_probe_up"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        postgres_proxy.refusing = False
    hanging.wait()
    assert "mru_messages_total" in scrape.series()
    assert "mru_queue_messages" not in scrape.series()
    assert "mru_ledger_imports" not in scrape.series()
    assert scrape.sum("mru_worker_last_poll_age_seconds") < GOOD_FOR_SECONDS
