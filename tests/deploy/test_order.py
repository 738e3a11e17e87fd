"""Who ends an import first: the limits of chart, code and queue, in their order.

    soft limit < hard limit < queue's visibility      no second worker beside the first
    soft limit < hard limit < pod's grace             no deployment cuts an import off

The worker hides a message for less, and extends that while its task runs; the queue's own time is
for whoever receives without saying how long: something older, or a person. SIGTERM waits for the
imports at hand by itself: Celery's soft shutdown is for SIGQUIT, which Kubernetes does not send,
and has no part in the order.
"""

import json
from collections.abc import Callable

from api import gunicorn_conf
from schemas.settings import Environment
from tests.deploy.charts import PRODUCTION, Rendered, render
from tests.deploy.rules import Plan
from worker.app import create_app
from worker.settings import Settings


def worker_environment(chart: Rendered) -> Environment:
    variables = chart.environment("-worker")
    return Environment({k: v if isinstance(v, str) else "word" for k, v in variables.items()})


def faults_of(chart: Rendered, *, visibility_seconds: int) -> list[str]:
    """Returns which of the limits are out of order."""
    environment = worker_environment(chart)
    settings, conf = Settings.read(environment), create_app(environment).conf
    pod = chart.one("Deployment", "-worker")["spec"]["template"]["spec"]
    hidden_seconds = conf.broker_transport_options["visibility_timeout"]
    soft, hard = conf.task_soft_time_limit, conf.task_time_limit
    limits = {
        "the soft limit comes after the hard one": soft < hard,
        "the pod is killed before its import is": hard < pod["terminationGracePeriodSeconds"],
        "the queue hides a message too shortly": hard < visibility_seconds,
        "a heartbeat hides a message too shortly": settings.visibility_seconds >= 60,
        "a lost worker's message comes again too late": hidden_seconds <= 120,
        "a message is hidden for another time than its lease is": (
            hidden_seconds == settings.visibility_seconds
        ),
    }
    return [fault for fault, holds in limits.items() if not holds]


def test_the_limits_of_an_import_are_in_order(plan_of: Callable[[str], Plan]) -> None:
    queue = plan_of("3-queue").values("aws_sqs_queue.imports")
    chart = render(*PRODUCTION)
    assert faults_of(chart, visibility_seconds=queue["visibility_timeout_seconds"]) == []
    tries = json.loads(queue["redrive_policy"])["maxReceiveCount"]
    assert Settings.read(worker_environment(chart)).max_receives == tries


def test_the_default_values_are_in_order_too() -> None:
    assert faults_of(render(), visibility_seconds=720) == []


def test_a_request_at_hand_is_answered_before_the_api_is_killed() -> None:
    pod = render(*PRODUCTION).one("Deployment", "-api")["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause + gunicorn_conf.graceful_timeout < pod["terminationGracePeriodSeconds"]
