"""What the fault tests upload, and how they find that nothing was lost and nothing done twice."""

import dataclasses
import uuid
from typing import Any, Final

from schemas.notification import Notification
from tests.builders import as_file, make_records
from tests.faults import Gate
from tests.rig import wait_until
from tests.road import Road, Worker

# A worker reads in pieces of 256 KiB. Records that are followed by much white space are read, and
# written, while a gate keeps back the end of the file.
_PADDING: Final = b" " * 600_000
_FIRST_BYTES: Final = 400_000


@dataclasses.dataclass(frozen=True)
class Upload:
    """An object of the bucket, and the titles that its import has to store."""

    notification: Notification
    titles: list[str]

    @property
    def place(self) -> str:
        """How a request for it begins, as the proxy sees it."""
        return f"GET /{self.notification.bucket}/{self.notification.key}"


def upload_movies(road: Road, count: int = 30, *, key: str | None = None) -> Upload:
    """Uploads movies that no other file has, and announces them."""
    upload = put_movies(road, count, key=key)
    road.announce(upload.notification)
    return upload


def put_movies(road: Road, count: int = 30, *, key: str | None = None, padding: int = 0) -> Upload:
    """Uploads movies that no other file has, with more white space, and says nothing of them."""
    name = uuid.uuid4().hex[:12]
    records = make_records(count, cast=[name])
    body = as_file(records)[:-1] + _PADDING + b" " * padding + b"]"
    notification = road.upload(body, key or f"{name}.json")
    return Upload(notification, sorted(f"{record['title']} {name}" for record in records))


def hold_up(road: Road, upload: Upload) -> Gate:
    """Keeps the end of the file back from the worker that asks for it next."""
    gate = Gate(_FIRST_BYTES)
    road.rig.proxy.plan(gate, operation=upload.place)
    return gate


def wait_until_written(road: Road) -> None:
    """Waits until a transaction has written movies and waits for more of them."""
    sql = """
    SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE datname = current_database() AND state = 'idle in transaction'
    AND relation = 'movies'::regclass AND mode = 'RowExclusiveLock'
    """
    wait_until("movies are written but not committed", lambda: road.query(sql))


def entry_of(road: Road, upload: Upload) -> dict[str, Any]:
    """Returns the ledger's entry of an upload, and nothing where there is none."""
    sql = "SELECT row_to_json(imports) FROM imports WHERE id = %s"
    rows = road.query(sql, id_of(upload))
    return dict(rows[0][0]) if rows else {}


def id_of(upload: Upload) -> str:
    return str(upload.notification.id)


def status_of(road: Road, upload: Upload) -> str | None:
    return entry_of(road, upload).get("status")


def wait_until_put_off(road: Road, upload: Upload, reason: str) -> None:
    """Waits until a worker has put an import off for a reason that begins like this."""

    def reasons() -> list[str]:
        lines = road.logged("import put off", import_id=id_of(upload))
        return [line["reason"] for line in lines]

    wait_until(f"put off: {reason}", reasons)
    assert [said for said in reasons() if not said.startswith(reason)] == []


def check_imported_once(road: Road, upload: Upload, *, attempts: int = 1) -> None:
    """Waits for an import, and fails unless it is there as if it had come once and gone well."""
    wait_until("it is imported", lambda: status_of(road, upload) == "succeeded")
    road.wait_until_queue_is_empty()  # whatever is to come again has come
    check_entry_and_movies(road, upload, attempts)


def check_entry_and_movies(road: Road, upload: Upload, attempts: int) -> None:
    """Fails unless ledger and movies say that an upload was taken whole, and once."""
    entry = entry_of(road, upload)
    assert entry["status"] == "succeeded"
    assert entry["read"] == entry["inserted"] == len(upload.titles)
    assert entry["attempts"] == attempts
    assert entry["error"] is None
    imports = "SELECT count(*) FROM imports WHERE key = %s AND etag = %s"
    notification = upload.notification
    assert road.query(imports, notification.key, notification.etag) == [(1,)]
    assert titles_of(road, upload) == upload.titles


def titles_of(road: Road, upload: Upload) -> list[str]:
    """Returns what others can see of an upload."""
    sql = """SELECT title || ' ' || "cast"[1] FROM movies WHERE import_id = %s"""
    return sorted(title for (title,) in road.query(sql, id_of(upload)))


def check_all_is_well(road: Road, worker: Worker, *, dead: int = 0) -> None:
    """Fails unless the worker lives and polls, and both queues hold what they should."""
    check_imported_once(road, upload_movies(road, 3))
    assert worker.poll() is None, "the worker has exited"
    assert road.rig.count(road.rig.queue_url) == 0
    assert road.rig.count(road.rig.dead_queue_url) == dead
    assert road.query("SELECT key FROM imports WHERE status = 'running'") == []


def check_failed_once(road: Road, upload: Upload, code: str) -> None:
    """Waits for an import, and fails unless it was refused at the first try, and is done with."""
    wait_until("it fails", lambda: status_of(road, upload) == "failed")
    road.wait_until_queue_is_empty()
    entry = entry_of(road, upload)
    assert (entry["error_code"], entry["attempts"]) == (code, 1)
    assert titles_of(road, upload) == []
