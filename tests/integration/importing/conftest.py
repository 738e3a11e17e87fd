"""A short road for each test, with the worker's settings as the test wants them."""

import pytest

from local.database import Dsns
from tests.short_road import MakeRoad, Road, open_road


@pytest.fixture
def make_road(aws: str, bucket: str, database: Dsns) -> MakeRoad:
    def make(**variables: str) -> Road:
        return open_road(aws, bucket, database, **variables)

    return make


@pytest.fixture
def road(make_road: MakeRoad) -> Road:
    return make_road()
