"""Every setting that Celery is given, and why. The worker's app and the tests' both use these."""

from collections.abc import Collection
from typing import Any, Final

from kombu.entity import Queue

from schemas.notification import IMPORT_QUEUE, IMPORT_TASK
from worker import consumer, sqs

_LONGEST_HIDDEN_SECONDS: Final = 43_200


def celery_settings(  # noqa: PLR0913  one place for all that differs from one deployment to another
    queue_url: str,
    region: str,
    *,
    soft_limit_seconds: float,
    hard_limit_seconds: float,
    visibility_seconds: int,
    concurrency: int = 1,
    wait_time_seconds: int = 10,
    grace_seconds: float = 10,
    soft_shutdown_seconds: float = 10,
    heartbeat_file: str | None = None,
    tasks: Collection[str] = (IMPORT_TASK,),
) -> dict[str, Any]:
    """Returns the settings of a Celery app that consumes one SQS queue, and runs `tasks` alone.

    A message is hidden for `visibility_seconds` when it is received, whatever the queue's own time
    is. The limits may be longer, as a task keeps a lease's heartbeat, but not longer than SQS hides
    a message in all. Raises ValueError unless the soft limit comes before the hard one, and both
    before that.
    """
    if not soft_limit_seconds < hard_limit_seconds < _LONGEST_HIDDEN_SECONDS:
        raise ValueError("Not in order: soft limit, hard limit, twelve hours.")
    transport_options = {
        "region": region,
        # The exact URL: with it nobody needs the right to list or to create queues.
        "predefined_queues": {IMPORT_QUEUE: {"url": queue_url, "region": region}},
        "tasks": list(tasks),
        "wait_time_seconds": wait_time_seconds,
        # Short, so that what a lost worker had only just taken comes again soon. Each message taken
        # goes to an idle process at once (see worker_prefetch_multiplier), which then extends it.
        "visibility_timeout": visibility_seconds,
        "grace_seconds": grace_seconds,
        # Waited after an empty poll, and so added to the latency of whatever comes then.
        "polling_interval": 0.1,
        # Releasing a message blocks the event loop, and so does deleting one when the worker ends:
        # that must fail soon. What is left undone SQS mends by delivering the message again.
        "client-config": {
            "connect_timeout": 1,
            "read_timeout": 5,
            "retries": {"total_max_attempts": 2},
        },
        "heartbeat_file": heartbeat_file,
    }
    return {
        **_broker(transport_options),
        **_tasks(soft_limit_seconds, hard_limit_seconds),
        **_worker(concurrency, soft_shutdown_seconds),
    }


def _broker(transport_options: dict[str, Any]) -> dict[str, Any]:
    return {
        # No keys in the URL: boto3 finds credentials by itself, and refreshes them.
        "broker_url": "sqs://",
        "broker_transport": sqs.TRANSPORT,
        "broker_transport_options": transport_options,
        # A worker that starts while SQS is away waits for it, for as long as it takes.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
    }


def _tasks(soft_limit_seconds: float, hard_limit_seconds: float) -> dict[str, Any]:
    return {
        # Not declared: declaring asks SQS for the queue's attributes, and nobody needs those.
        "task_queues": (Queue(IMPORT_QUEUE, no_declare=True),),  # type: ignore[no-untyped-call]  # kombu
        "task_default_queue": IMPORT_QUEUE,
        "task_create_missing_queues": False,
        # The message goes once the work is committed, and stays whatever else happens. It is the
        # queue's redrive policy that ends this, which makes that policy mandatory.
        "task_acks_late": True,
        "task_acks_on_failure": False,
        "task_acks_on_timeout": False,
        "task_reject_on_worker_lost": True,
        # Soft: the task can still write down what happened. Hard: its process is killed, and the
        # message released.
        "task_soft_time_limit": soft_limit_seconds,
        "task_time_limit": hard_limit_seconds,
        # Results are in the ledger.
        "task_ignore_result": True,
        "task_send_sent_event": False,
        # JSON only: a message must not be able to run code.
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_annotations": {"*": {"Request": consumer.REQUEST}},
        "enable_utc": True,
        "timezone": "UTC",
    }


def _worker(concurrency: int, soft_shutdown_seconds: float) -> dict[str, Any]:
    return {
        "worker_consumer": consumer.CONSUMER,
        # Processes: parsing is CPU work, a hard time limit needs something that can be killed, and
        # a lost one takes nothing else with it.
        "worker_pool": "prefork",
        "worker_concurrency": concurrency,
        # One message for each process. More would be in flight, their clocks running, while no
        # other worker can have them.
        "worker_prefetch_multiplier": 1,
        "worker_enable_prefetch_count_reduction": False,
        # None of these work over SQS, whatever supports_fanout promises.
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        # A lost connection gives the messages in hand back to the queue; whoever still works on
        # one would do so beside its next owner.
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        # SIGTERM finishes the tasks at hand, however long they take. SIGQUIT gives them this long.
        "worker_soft_shutdown_timeout": soft_shutdown_seconds,
        # Log lines are schemas.logs' business.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }
