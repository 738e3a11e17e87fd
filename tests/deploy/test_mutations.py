"""The checks, checked: each of these mistakes is made in a copy, and must be found."""

from pathlib import Path

import pytest

from tests.deploy import rules, terraform
from tests.deploy.charts import PRODUCTION, refusal, render, spoiled
from tests.deploy.test_order import faults_of

SPREAD = """  - topologyKey: {{ $root.Values.zoneLabel }}
    maxSkew: 1
    whenUnsatisfiable: {{ . }}
    nodeTaintsPolicy: Honor
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "movies.selector" $ | nindent 8 }}
"""


def test_a_misspelt_argument_of_terraform_is_found(archive: Path) -> None:
    outcome = terraform.check(
        "3-queue",
        archive,
        changes=("main.tf", "visibility_timeout_seconds", "visibility_timeout_secs"),
    )
    assert not outcome.ok
    assert 'An argument named "visibility_timeout_secs" is not expected here' in outcome.output


def test_a_misspelt_value_of_the_chart_is_found(tmp_path: Path) -> None:
    chart = spoiled(tmp_path, "values.yaml", "taskSeconds: 600", "taskSecond: 600")
    assert "taskSecond" in refusal(chart=chart)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SPREAD, ""),
        ('"soft" "ScheduleAnyway"', '"soft" "DoNotSchedule"'),
        (
            "    maxSkew: 1\n    whenUnsatisfiable: {{",
            "    maxSkew: 2\n    whenUnsatisfiable: {{",
        ),
        (
            "whenUnsatisfiable: {{ . }}\n",
            "whenUnsatisfiable: {{ . }}\n    minDomains: 3\n",
        ),
        ("    nodeTaintsPolicy: Honor\n    matchLabelKeys", "    matchLabelKeys"),
    ],
    ids=["removed", "hard", "skewed", "minDomains", "lost-nodes-count"],
)
@pytest.mark.parametrize("deployment", ["-api", "-worker"])
def test_a_spread_that_does_not_hold_is_found(
    tmp_path: Path, before: str, after: str, deployment: str
) -> None:
    chart = spoiled(tmp_path, "templates/_pods.tpl", before, after)
    assert rules.spread_faults(render(*PRODUCTION, chart=chart), deployment)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        (
            "bucket.tf",
            'Effect    = "Deny"\n      Principal = "*"\n      Action    = "s3:*"',
            'Effect    = "Allow"\n      Principal = "*"\n      Action    = "s3:GetObject"',
        ),
        ("bucket.tf", "block_public_policy     = true", "block_public_policy     = false"),
    ],
    ids=["policy", "block"],
)
def test_an_open_bucket_is_found(archive: Path, file: str, before: str, after: str) -> None:
    outcome = terraform.check("3-s3-lambda", archive, changes=(file, before, after))
    assert outcome.plan is not None, outcome.output
    assert rules.open_bucket_faults(outcome.plan)


def test_a_visibility_below_the_task_limit_is_refused_by_the_plan(archive: Path) -> None:
    change = ("variables.tf", "default     = 720", "default     = 620")
    outcome = terraform.check("3-queue", archive, changes=change)
    assert not outcome.ok
    assert "a second worker would begin it" in " ".join(outcome.output.split())


def test_a_visibility_below_the_task_limit_is_found_between_chart_and_queue() -> None:
    chart = render(*PRODUCTION, "--set", "worker.taskSeconds=700", *GRACE)
    assert faults_of(chart, visibility_seconds=720) == ["the queue hides a message too shortly"]


GRACE = ("--set", "worker.terminationGracePeriodSeconds=900")


def test_a_right_by_wildcard_is_found(archive: Path) -> None:
    change = ("identities.tf", '["sqs:SendMessage"]', '["sqs:*"]')
    outcome = terraform.check("3-queue", archive, changes=change)
    assert outcome.plan is not None, outcome.output
    assert rules.wildcards(outcome.plan) == ['aws_iam_role_policy.queue["api"]: Announce may sqs:*']


def test_a_plain_secret_in_the_chart_is_found(tmp_path: Path) -> None:
    chart = spoiled(
        tmp_path,
        "templates/api-deployment.yaml",
        '{{- include "movies.secretVariable" (list "MRU_DB_PASS" '
        '.Values.secrets.apiDatabase "password") | nindent 12 }}',
        "- name: MRU_DB_PASS\n              value: word",
    )
    assert rules.plain_secrets(render(chart=chart)) == ["Deployment/movies-r-us-api: MRU_DB_PASS"]


def test_a_plain_secret_in_the_infrastructure_is_found(archive: Path) -> None:
    change = (
        "notifier.tf",
        "MRU_NOTIFICATION_SECRET_ARN = var.notification_secret_arn",
        'MRU_NOTIFICATION_SECRET = "word"',
    )
    outcome = terraform.check("3-s3-lambda", archive, changes=change)
    assert outcome.plan is not None, outcome.output
    faults = rules.plain_secrets_of_a_plan(outcome.plan)
    assert faults == ["aws_lambda_function.notifier: MRU_NOTIFICATION_SECRET"]
