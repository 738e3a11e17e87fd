"""One emulated SQS for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.rig import moto_server


@pytest.fixture(scope="package")
def moto_port() -> Iterator[int]:
    with moto_server() as port:
        yield port
