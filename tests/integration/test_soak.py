"""A short soak in the suite; MRU_SOAK_SECONDS=60 makes it a long one."""

import os
from pathlib import Path

from local.database import Dsns
from tests.soak import faults_of, make_soak, run

SECONDS = float(os.environ.get("MRU_SOAK_SECONDS", "8"))


def test_after_a_soak_with_workers_killed_the_table_is_the_models(
    aws: str, database: Dsns, tmp_path: Path
) -> None:
    with make_soak(aws, database, tmp_path, seed=int(SECONDS)) as soak:
        run(soak, SECONDS)
        assert faults_of(soak) == []
        assert soak.events
        assert soak.kills
