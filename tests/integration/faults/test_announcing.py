"""SQS fails while an upload is announced: the API says so, the notifier raises, Lambda tries again,
and the import is done once.
"""

import contextlib
import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from notifier import handler
from notifier.handler import NotTakenError, handle, read_record
from schemas.notification import load_notification
from tests import faults
from tests.builders import SECRET
from tests.calling import make_api
from tests.proxies import HttpProxy
from tests.rig import REGION
from tests.road import Road, Site
from tests.uploads import (
    Upload,
    check_imported_once,
    hold_up,
    id_of,
    put_movies,
    wait_until_written,
)

EVENT = Path(__file__).parents[2] / "events" / "put.json"


@pytest.fixture(scope="module")
def api_proxy(aws: str, shared_site: Site) -> Iterator[HttpProxy]:
    """What the API sees SQS through, while it and the notifier run; the worker has another."""
    road = shared_site.road
    with HttpProxy(int(aws.rpartition(":")[2])) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        app = make_api(
            road.dsns.api,
            AWS_REGION=REGION,
            MRU_QUEUE_URL=road.rig.queue_url,
            MRU_BUCKETS=road.bucket,
        )
        with serving(app) as address:
            patch.setenv("MRU_API_URL", address)
            patch.setenv("MRU_NOTIFICATION_SECRET", SECRET)
            handler._client.cache_clear()  # as in a new sandbox
            yield proxy
        handler._client.cache_clear()


@contextlib.contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serves an app over HTTP, and yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def upload(road: Road) -> Upload:
    """An object that nothing was said of yet; its import has the id that the API makes."""
    put = put_movies(road)
    announced = load_notification(read_record(event_of(put)["Records"][0], None))
    return dataclasses.replace(put, notification=announced)


def event_of(upload: Upload) -> Any:
    """The event that S3 sends for an upload."""
    event = json.loads(EVENT.read_text(encoding="utf-8"))
    (record,) = event["Records"]
    record["s3"]["bucket"]["name"] = upload.notification.bucket
    record["s3"]["object"]["key"] = upload.notification.key
    record["s3"]["object"]["eTag"] = upload.notification.etag
    return event


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.close, id="closed"),
        pytest.param(faults.status(503, "ServiceUnavailable"), id="503"),
    ],
)
def test_an_upload_while_the_queue_is_down_is_imported_once_lambda_tries_again(
    road: Road, api_proxy: HttpProxy, upload: Upload, fault: faults.Fault
) -> None:
    plan = api_proxy.plan(fault, operation="SendMessage", times=1000)
    with pytest.raises(NotTakenError, match="status 503"):
        handle(event_of(upload), None)
    assert road.rig.count(road.rig.queue_url) == 0
    plan.left = 0
    assert handle(event_of(upload), None) == {"sent": 1, "ignored": 0}
    check_imported_once(road, upload)


def test_an_upload_whose_message_was_taken_without_a_word_is_imported_once(
    road: Road, api_proxy: HttpProxy, upload: Upload
) -> None:
    gate = hold_up(road, upload)
    api_proxy.plan(faults.lose_answer, operation="SendMessage", times=2)
    with pytest.raises(NotTakenError, match="status 503"):
        handle(event_of(upload), None)
    wait_until_written(road)  # refused, and imported all the same
    assert handle(event_of(upload), None) == {"sent": 1, "ignored": 0}
    gate.open()
    check_imported_once(road, upload)
    # Three messages: two whose answers were lost, and the one of the second try.
    assert len(road.logged("import done already", import_id=id_of(upload))) == 2
