"""What every test of a whole stack needs: that its data are gone afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.folder import forget


@pytest.fixture(autouse=True)
def _no_data_left(tmp_path: Path) -> Iterator[None]:
    """Removes the stack's data, wherever they lie: for root, Postgres' are not in the folder."""
    yield
    forget(tmp_path)
