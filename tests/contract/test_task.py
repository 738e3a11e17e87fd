"""The task that the API asks for by name is one that the worker has, and it takes what is sent."""

import inspect

from celery import Celery

from schemas.notification import IMPORT_QUEUE, IMPORT_TASK, dump_notification, load_notification
from tests.calling import NOWHERE
from worker import tasks
from worker.celery_settings import celery_settings


def test_the_worker_has_the_task_and_it_takes_a_notification() -> None:
    app = Celery("contract", set_as_current=False)
    tasks.register(app)
    sent = dump_notification(load_notification({"bucket": "movies-r-us", "key": "movies.json"}))
    inspect.signature(app.tasks[IMPORT_TASK].run).bind(notification=sent)


def test_the_worker_listens_to_the_queue_that_the_api_sends_to() -> None:
    told = celery_settings(
        NOWHERE, "eu-west-1", soft_limit_seconds=1, hard_limit_seconds=2, visibility_seconds=1
    )
    assert set(told["broker_transport_options"]["predefined_queues"]) == {IMPORT_QUEUE}
    assert told["task_default_queue"] == IMPORT_QUEUE
