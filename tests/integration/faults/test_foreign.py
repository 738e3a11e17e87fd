"""Messages that no API of ours has sent reach a real worker, which has credentials for S3."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from local.database import Dsns
from schemas.notification import IMPORT_TASK, Notification, dump_notification
from tests.rig import encode, make_message, wait_until
from tests.road import make_road
from tests.uploads import check_imported_once, put_movies, upload_movies


def packed(arguments: list[Any], notification: Notification, **others: Any) -> str:
    body = [arguments, {"notification": dump_notification(notification), **others}, {}]
    message = make_message(IMPORT_TASK, body=encode(json.dumps(body)))
    return encode(json.dumps(message))


def test_other_buckets_and_other_arguments_end_as_dead_letters_and_s3_is_asked_nothing(
    aws: str, database: Dsns, tmp_path: Path
) -> None:
    with make_road(aws, database, tmp_path, max_receives=2) as road, road.running_worker():
        theirs = put_movies(road).notification
        foreign = dataclasses.replace(theirs, bucket="somebody-elses-bucket")
        road.rig.send_raw(packed([], foreign))
        road.rig.send_raw(packed([1], theirs))
        road.rig.send_raw(packed([], theirs, bucket="another"))
        good = upload_movies(road)
        wait_until("they are dead", lambda: road.rig.count(road.rig.dead_queue_url) == 3)
        check_imported_once(road, good)
        assert road.query("SELECT key FROM imports") == [(good.notification.key,)]
        assert road.rig.proxy.count("GET /somebody-elses-bucket") == 0
        assert road.rig.proxy.count(f"GET /{road.bucket}/{theirs.key}") == 0
        reason = "Its bucket is none of MRU_BUCKETS."
        assert road.logged("a message announces nothing", reason=reason, bucket=foreign.bucket)
