"""Imports, run for real: objects in an S3 that answers as S3 does, rows in a real Postgres."""

import dataclasses
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

from structlog.testing import capture_logs

from schemas.imports import OnError
from schemas.notification import Notification
from tests.builders import as_file, make_record, make_records
from tests.short_road import MakeRoad, Road, counts_of
from worker.backfill import backfill, list_bucket
from worker.importing import Outcome
from worker.rules import Rules


def test_a_file_becomes_rows_and_an_entry_in_the_ledger(road: Road) -> None:
    assert road.run(as_file([make_record(), make_record(title="Another")])) is Outcome.SUCCEEDED
    assert [movie["title"] for movie in road.movies()] == ["Another", "National Treasure"]
    entry = road.entry()
    assert counts_of(entry) == {"read": 2, "inserted": 2}
    assert entry["status"] == "succeeded"
    assert entry["timings"].keys() == {"fetch", "validate", "store"}
    assert road.query("SELECT name FROM genres") == [{"name": "Adventure"}]


def test_text_that_copy_gives_a_meaning_to_is_stored_as_it_is(road: Road) -> None:
    titles = ["tab\there", "line\nfeed", "back\\slash", "\\N", 'quo"te', "return\rhere", "{brace}"]
    records = [make_record(title=title, cast=[title, "NULL", ","]) for title in titles]
    road.run(as_file(records))
    assert {movie["title"]: movie["cast"][0] for movie in road.movies()} == dict(
        zip(titles, titles, strict=True)
    )


def test_the_same_event_again_does_nothing(road: Road) -> None:
    notification = road.upload(as_file([make_record()]))
    assert road.importer.run(notification) is Outcome.SUCCEEDED
    assert road.importer.run(notification) is Outcome.KNOWN
    assert road.entry()["attempts"] == 1


def test_two_announcements_of_one_version_are_one_import(road: Road) -> None:
    notification = road.upload(as_file([make_record()]))
    bare = Notification(id=uuid.uuid4(), bucket=road.bucket, key=notification.key)
    assert road.importer.run(notification) is Outcome.SUCCEEDED
    assert road.importer.run(bare) is Outcome.KNOWN
    assert road.query("SELECT * FROM import_aliases") == [
        {"id": str(bare.id), "import_id": str(notification.id)}
    ]


def test_the_same_content_again_leaves_every_row_untouched(road: Road) -> None:
    body = as_file(make_records(50))
    road.run(body, "first.json")
    before = road.query("SELECT id, xmin::text FROM movies ORDER BY id")
    road.run(body, "second.json")
    assert road.query("SELECT id, xmin::text FROM movies ORDER BY id") == before
    assert counts_of(road.entry()) == {"read": 50, "unchanged": 50}


def test_a_corrected_file_updates_only_what_it_corrects(road: Road) -> None:
    records = make_records(5)
    road.run(as_file(records))
    records[3]["genres"] = ["Comedy"]
    road.run(as_file(records))
    assert counts_of(road.entry()) == {"read": 5, "updated": 1, "unchanged": 4}


def test_films_that_share_title_and_year_are_two(road: Road) -> None:
    carmens = [
        make_record(title="Carmen", year=1915, cast=[name])
        for name in ("Geraldine Farrar", "Theda Bara")
    ]
    road.run(as_file(carmens))
    assert len(road.movies()) == 2


def test_of_a_movie_twice_in_a_file_the_last_one_stands(road: Road) -> None:
    twice = [make_record(genres=["First"]), make_record(genres=["Last"])]
    road.run(as_file(twice))
    assert counts_of(road.entry()) == {"read": 2, "inserted": 1, "repeated": 1}
    assert road.movies()[0]["genres"] == ["Last"]


def test_of_a_movie_twice_in_a_file_of_many_chunks_the_last_one_stands(
    make_road: MakeRoad,
) -> None:
    road = make_road(MRU_CHUNK_RECORDS="3")
    records = [make_record(genres=["First"]), *make_records(10), make_record(genres=["Last"])]
    road.run(as_file(records))
    assert counts_of(road.entry()) == {"read": 12, "inserted": 11, "repeated": 1}
    assert [m["genres"] for m in road.movies() if m["title"] == "National Treasure"] == [["Last"]]


def test_a_record_confirmed_and_then_changed_in_one_file_counts_as_updated(
    make_road: MakeRoad,
) -> None:
    road = make_road(MRU_CHUNK_RECORDS="3")
    road.run(as_file([make_record(genres=["First"])]), "first.json")
    records = [make_record(genres=["First"]), *make_records(10), make_record(genres=["Last"])]
    road.run(as_file(records), "second.json")
    assert counts_of(road.entry()) == {"read": 12, "inserted": 10, "updated": 1, "repeated": 1}


def test_a_file_with_a_bad_record_is_refused_whole_and_lists_what_is_bad(road: Road) -> None:
    bad = make_record(title="Bad", year="2004", cast=["Good", None])
    assert road.run(as_file([make_record(), bad, {"title": "No year"}, "text"])) is Outcome.FAILED
    assert road.movies() == []
    entry = road.entry()
    assert (entry["status"], entry["error_code"]) == ("failed", "bad_records")
    assert counts_of(entry) == {"read": 4, "rejected": 4}
    assert entry["bad_records"] == 3
    errors = road.query("SELECT position, faults, raw FROM import_errors ORDER BY position")
    assert [error["position"] for error in errors] == [2, 3, 4]
    assert [fault["field"] for fault in errors[0]["faults"]] == ["year", "cast[1]"]
    assert json.loads(errors[0]["raw"]) == bad


def test_bad_records_are_put_aside_where_the_setting_says_so(make_road: MakeRoad) -> None:
    road = make_road(MRU_ON_ERROR="continue")
    assert road.run(as_file([make_record(), {"title": "No year"}])) is Outcome.SUCCEEDED
    assert counts_of(road.entry()) == {"read": 2, "inserted": 1, "rejected": 1}
    assert len(road.query("SELECT * FROM import_errors")) == 1


def test_the_list_of_bad_records_is_cut_and_their_number_is_not(make_road: MakeRoad) -> None:
    road = make_road(MRU_MAX_LISTED_ERRORS="10")
    road.run(as_file([{"title": "No year"}] * 25))
    assert road.entry()["bad_records"] == 25
    assert len(road.query("SELECT * FROM import_errors")) == 10


def test_a_bad_record_after_many_chunks_takes_them_all_back(make_road: MakeRoad) -> None:
    road = make_road(MRU_CHUNK_RECORDS="10")
    assert road.run(as_file([*make_records(95), {}])) is Outcome.FAILED
    assert road.movies() == []
    assert counts_of(road.entry()) == {"read": 96, "rejected": 96}


def test_fields_that_are_no_part_of_the_format_are_counted(road: Road) -> None:
    road.run(as_file([make_record(href="x"), make_record(title="Other", href="y", extract="z")]))
    assert road.entry()["ignored_fields"] == {"href": 2, "extract": 1}


def test_a_missing_object_is_a_failed_import_and_nothing_is_retried(road: Road) -> None:
    notification = road.notification("never-there.json", etag="00")
    assert road.importer.run(notification) is Outcome.FAILED
    entry = road.entry()
    assert entry["error_code"] == "missing_object"
    assert "never-there.json" in entry["error"]
    assert road.importer.run(notification) is Outcome.KNOWN


def test_a_missing_bucket_says_so(road: Road) -> None:
    notification = dataclasses.replace(road.notification("a.json"), bucket="no-such-bucket-here")
    assert road.importer.run(notification) is Outcome.FAILED
    assert road.entry()["error_code"] == "missing_bucket"


def test_an_object_that_was_overwritten_before_it_was_read_is_superseded(road: Road) -> None:
    early = road.upload(as_file([make_record(genres=["Old"])]))
    late = road.upload(as_file([make_record(genres=["New"])]))
    assert road.importer.run(early) is Outcome.SUPERSEDED
    assert road.importer.run(late) is Outcome.SUCCEEDED
    assert road.movies()[0]["genres"] == ["New"]


def test_a_good_new_version_clears_the_failure_of_the_one_before(road: Road) -> None:
    road.run(b"no json")
    assert road.entry()["status"] == "failed"
    road.run(as_file([make_record()]))
    statuses = road.query("SELECT status, error_code FROM imports ORDER BY started_at")
    assert statuses == [
        {"status": "superseded", "error_code": "not_json"},
        {"status": "succeeded", "error_code": None},
    ]


def test_an_empty_array_is_a_file_with_no_movies(road: Road) -> None:
    assert road.run(b"[]") is Outcome.SUCCEEDED
    assert counts_of(road.entry()) == {}


def test_what_a_backfill_queues_is_imported_under_the_id_that_it_was_given(road: Road) -> None:
    road.upload(as_file([make_record()]))
    sent: list[Notification] = []
    with road.importer.database.connect() as connection:
        pages = list_bucket(road.s3, road.bucket, "")
        backfill(connection, pages, sent.append, rules=Rules(), on_error=OnError.FAIL)
    assert road.entry()["status"] == "queued"
    assert road.importer.run(sent[0]) is Outcome.SUCCEEDED
    entry = road.entry()
    assert (entry["id"], entry["attempts"]) == (str(sent[0].id), 1)
    assert counts_of(entry) == {"read": 1, "inserted": 1}


def test_a_rejected_file_leaves_no_genre_behind_and_a_later_one_brings_it(
    make_road: MakeRoad,
) -> None:
    road = make_road(MRU_CHUNK_RECORDS="1")
    records = [make_record(genres=["!!! visit evil.example now"]), make_record(title="")]
    assert road.run(as_file(records)) is Outcome.FAILED
    assert road.query("SELECT name FROM genres") == []
    assert road.run(as_file(records[:1])) is Outcome.SUCCEEDED
    assert road.query("SELECT name FROM genres") == [{"name": "!!! visit evil.example now"}]


def test_the_genres_of_all_chunks_are_kept_once_each(make_road: MakeRoad) -> None:
    road = make_road(MRU_CHUNK_RECORDS="2")
    names = ["Drama", "War", "Drama", "Comedy", "War"]
    records = [make_record(title=str(year), genres=[name]) for year, name in enumerate(names)]
    assert road.run(as_file(records)) is Outcome.SUCCEEDED
    found = road.query("SELECT name FROM genres ORDER BY name")
    assert [row["name"] for row in found] == ["Comedy", "Drama", "War"]
    assert road.importer.known_genres == {"Comedy", "Drama", "War"}


def test_imports_with_the_same_new_genres_in_another_order_do_not_wait_for_each_other(
    make_road: MakeRoad,
) -> None:
    def file(order: int) -> bytes:
        names = [f"genre {number:03}" for number in range(100)][::order]
        return as_file([make_record(title=f"{order} {name}", genres=[name]) for name in names])

    roads = [make_road(MRU_CHUNK_RECORDS="1") for _ in range(2)]
    notifications = [
        road.upload(file(order), f"{order}.json")
        for road, order in zip(roads, (1, -1), strict=True)
    ]
    with capture_logs() as lines, ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(road.importer.run, notification)
            for road, notification in zip(roads, notifications, strict=True)
        ]
        assert [run.result(60) for run in runs] == [Outcome.SUCCEEDED] * 2
    assert "import begins again alone" not in [line["event"] for line in lines]
    assert roads[0].query("SELECT count(*) AS genres FROM genres") == [{"genres": 100}]
