"""Postgres fails in the middle of an import: nothing is half written, and it is done in the end."""

import re

import pytest

from tests.builders import as_file, make_record
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
# A statement of SQLAlchemy's, with a record among its parameters, and words of several lines.
BROKEN = """
CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION E'This is broken.\\nAnd this.' USING DETAIL = NEW.raw; END $$;
CREATE TRIGGER break BEFORE INSERT ON import_errors FOR EACH ROW EXECUTE FUNCTION break();
"""
# These fail with a part of a record in the DETAIL of what Postgres says.
BREAK_GENRE = """
CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'This is broken.' USING DETAIL = NEW.name; END $$;
CREATE TRIGGER break BEFORE INSERT ON genres FOR EACH ROW EXECUTE FUNCTION break();
"""
BREAK_MOVIE = """
CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'This is broken.' USING DETAIL = NEW.title; END $$;
CREATE TRIGGER break BEFORE INSERT ON movies FOR EACH ROW
WHEN (NEW.title = 'secret movie') EXECUTE FUNCTION break();
"""
NO_LONGER_BROKEN = "DROP FUNCTION IF EXISTS break() CASCADE"
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


def test_what_breaks_is_one_line_of_the_databases_own_words(road: Road) -> None:
    road.execute(BROKEN)
    try:
        notification = road.upload(
            as_file([make_record(year="jane.doe@example.com")]), "broken.json"
        )
        road.announce(notification)
        found = "SELECT error FROM imports WHERE id = %s AND error IS NOT NULL"
        wait_until("it is put off", lambda: road.query(found, str(notification.id)))
        ((error,),) = road.query(found, str(notification.id))
        pattern = r"Put off for \d+ s: It broke: RaiseException: This is broken\."
        assert re.fullmatch(pattern, error)
    finally:
        road.execute(NO_LONGER_BROKEN)
    ended = "SELECT 1 FROM imports WHERE id = %s AND status = 'failed'"
    wait_until("its record is written down", lambda: road.query(ended, str(notification.id)))
    (told, *_) = road.logged("import broke", import_id=str(notification.id))
    assert told["reason"] == "RaiseException: This is broken."
    assert "worker/ledger.py" in told["raised"]
    assert "jane.doe" not in everything_logged(road)


@pytest.mark.parametrize("way", ["movie", "genre"])
def test_no_text_of_a_record_is_in_the_log_of_an_import_that_breaks(road: Road, way: str) -> None:
    word = f"secret {way}"
    road.execute(BREAK_MOVIE if way == "movie" else BREAK_GENRE)
    try:
        record = make_record(title=word, genres=[word])
        notification = road.upload(as_file([record]), f"{way}.json")
        road.announce(notification)
        broke = {"import_id": str(notification.id)}
        wait_until("it breaks", lambda: road.logged("import broke", **broke))
    finally:
        road.execute(NO_LONGER_BROKEN)
    done = "SELECT 1 FROM imports WHERE id = %s AND status = 'succeeded'"
    wait_until("it is imported", lambda: road.query(done, str(notification.id)))
    logged = everything_logged(road)
    assert word not in logged
    assert str(notification.id) in logged


def everything_logged(road: Road) -> str:
    return (road.rig.folder / "worker.log").read_text()
