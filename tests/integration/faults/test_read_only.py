"""The database fails over, and the old address leads to a server that only reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.database import Dsns
from tests.rig import wait_until
from tests.road import Road, make_road
from tests.uploads import check_all_is_well, check_imported_once, id_of, upload_movies


@pytest.fixture
def road(aws: str, database: Dsns, tmp_path: Path) -> Iterator[Road]:
    with make_road(aws, database, tmp_path, visibility_seconds=3, max_receives=3) as road:
        yield road


def test_imports_wait_for_a_server_that_takes_writes_and_keep_no_old_session(road: Road) -> None:
    (name,) = road.query("SELECT current_database()")[0]
    settings = {"MRU_RETRY_SECONDS": "1", "MRU_MAX_RECEIVES": "3"}
    with road.running_worker(**settings) as worker:
        check_imported_once(road, upload_movies(road, 3))
        # Sessions read this when they begin; those of the worker are made to have it at once.
        road.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        road.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND usename = 'mru_worker'"
        )
        upload = upload_movies(road, 3)
        wait_until("it is put off", lambda: road.logged("import put off", import_id=id_of(upload)))
        wait_until("it stops", lambda: road.logged("receiving is paused", service="database"))
        road.execute(
            f"BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT"
        )
        # Its old sessions would be read-only for as long as they live.
        wait_until(
            "it is imported", lambda: road.logged("import succeeded", import_id=id_of(upload))
        )
        check_imported_once(road, upload)
        reasons = {line["reason"] for line in road.logged("import put off")}
        assert all(reason.startswith("The database did not serve: ") for reason in reasons)
        assert any("read-only transaction" in reason for reason in reasons)
        assert road.logged("import broke") == []
        check_all_is_well(road, worker)
