"""An office for each test, with the worker's settings as the test wants them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.database import Dsns
from tests.operators import Office, open_office


@pytest.fixture
def office(aws: str, bucket: str, database: Dsns, tmp_path: Path) -> Iterator[Office]:
    with open_office(aws, bucket, database, tmp_path) as office:
        yield office
