"""One worker that lives through most of the faults, on a database and a queue of its own."""

from collections.abc import Iterator

import pytest

from local.postgres import Address
from tests.databases import make_database
from tests.proxies import TcpProxy
from tests.road import Road, Site, make_road
from tests.uploads import check_all_is_well


@pytest.fixture(scope="package")
def shared_site(
    aws: str, postgres: Address, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("faults")
    with (
        make_database(postgres) as dsns,
        make_road(aws, dsns, folder, visibility_seconds=3) as road,
        TcpProxy(postgres.port) as proxy,
        road.running_worker(
            MRU_DB_PORT=str(proxy.port),
            MRU_CONCURRENCY="2",
            MRU_RETRY_SECONDS="1",
            MRU_CHUNK_RECORDS="10",
            # With the defaults no file takes much memory.
            MRU_MAX_RECORD_BYTES=str(8 * 1024 * 1024),
            MRU_MAX_UNPACK_RATIO="10000",
            MRU_METRICS_BIND="127.0.0.1:0",
        ) as worker,
    ):
        yield Site(road, proxy, worker)


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The shared worker's site, which has to be well again when the test is over."""
    shared_site.road.rig.proxy.clear()
    yield shared_site
    check_all_is_well(shared_site.road, shared_site.worker)


@pytest.fixture
def road(site: Site) -> Road:
    return site.road


@pytest.fixture
def postgres_proxy(site: Site) -> Iterator[TcpProxy]:
    yield site.postgres
    site.postgres.cut_after = site.postgres.cut_only = b""
