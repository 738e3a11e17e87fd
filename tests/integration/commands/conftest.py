"""An office for each test: one for a whole file of tests, cleared out before each of them."""

from collections.abc import Iterator

import pytest

from local.postgres import Address
from tests.databases import make_database
from tests.operators import Office, open_office


@pytest.fixture(scope="module")
def shared_office(
    aws: str, postgres: Address, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with make_database(postgres) as dsns, open_office(aws, dsns, folder) as office:
        yield office


@pytest.fixture
def office(shared_office: Office) -> Office:
    shared_office.clear_out()
    return shared_office
