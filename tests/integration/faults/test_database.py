"""Postgres fails in the middle of an import: nothing is half written, and it is done in the end."""

import pytest

from tests.proxies import TcpProxy
from tests.rig import wait_until
from tests.road import Road
from tests.uploads import (
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

AWAY = "The database did not serve: "

# What Postgres says when a disk or its memory is full.
FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'There is no room left.' USING ERRCODE = '{code}'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON movies FOR EACH ROW
WHEN (NEW."cast"[1] = '{name}') EXECUTE FUNCTION refuse();
"""
NO_LONGER_FULL = "DROP FUNCTION IF EXISTS refuse() CASCADE"


def test_an_import_whose_connections_are_cut_leaves_nothing_and_is_done_again(
    road: Road, postgres_proxy: TcpProxy
) -> None:
    upload = put_movies(road)
    gate, again = hold_up(road, upload), hold_up(road, upload)
    road.announce(upload.notification)
    wait_until_written(road)
    postgres_proxy.cut()
    gate.open()
    wait_until_put_off(road, upload, AWAY)
    assert titles_of(road, upload) == []
    again.open()
    check_imported_once(road, upload, attempts=2)


def test_a_commit_whose_answer_is_lost_is_found_done(road: Road, postgres_proxy: TcpProxy) -> None:
    postgres_proxy.cut_only = b"INSERT INTO movies"  # not the ledger's connection
    upload = put_movies(road)
    gate = hold_up(road, upload)
    road.announce(upload.notification)
    wait_until_written(road)
    postgres_proxy.cut_after = b"COMMIT"
    gate.open()
    wait_until_put_off(road, upload, AWAY)
    assert postgres_proxy.cut_after == b""
    check_imported_once(road, upload)
    assert len(road.logged("import done already", import_id=id_of(upload))) == 1
    assert road.logged("import succeeded", import_id=id_of(upload)) == []


def test_imports_wait_for_a_database_that_takes_no_connections(
    road: Road, postgres_proxy: TcpProxy
) -> None:
    postgres_proxy.refusing = True
    try:
        postgres_proxy.cut()
        upload = upload_movies(road)
        wait_until_put_off(road, upload, AWAY)
        assert road.logged("import put off", import_id=id_of(upload), in_ledger=False)
    finally:
        postgres_proxy.refusing = False
    check_imported_once(road, upload)


@pytest.mark.parametrize("code", ["disk_full", "out_of_memory"])
def test_an_import_for_which_there_is_no_room_waits_while_others_are_done(
    road: Road, code: str
) -> None:
    upload = put_movies(road)
    road.execute(FULL.format(code=code, name=upload.titles[0].split()[-1]))
    try:
        road.announce(upload.notification)
        wait_until_put_off(road, upload, f"{AWAY}There is no room left.")
        other = upload_movies(road)
        wait_until("the other is imported", lambda: status_of(road, other) == "succeeded")
    finally:
        road.execute(NO_LONGER_FULL)
    check_imported_once(road, other)
    puts_off = len(road.logged("import put off", import_id=id_of(upload)))
    check_imported_once(road, upload, attempts=puts_off + 1)
