"""infra/: terraform's own checks of each folder, and what must hold of the plans."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from notifier.settings import CONNECT_SECONDS_DEFAULT, READ_SECONDS_DEFAULT
from tests.deploy import rules
from tests.deploy.charts import PRODUCTION, render
from tests.deploy.rules import Plan
from tests.deploy.terraform import Outcome
from tests.deploy.tools import FOLDERS, INFRA, find, run_well

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:movies-r-us-imports"
BUCKET = "arn:aws:s3:::movies-r-us-123456789012-eu-west-1"

PlanOf = Callable[[str], Plan]
EVERY_FOLDER = pytest.mark.parametrize("folder", FOLDERS)


def test_everything_is_written_as_terraform_writes_it() -> None:
    run_well([find("terraform"), "fmt", "-check", "-diff", "-recursive", INFRA])


@EVERY_FOLDER
def test_a_folder_is_valid_passes_its_tests_and_can_be_planned(
    folder: str, outcome_of: Callable[[str], Outcome]
) -> None:
    outcome = outcome_of(folder)
    assert outcome.ok, outcome.output[-8000:]
    assert outcome.plan is not None


@EVERY_FOLDER
def test_no_secret_stands_in_a_plan(folder: str, plan_of: PlanOf) -> None:
    assert rules.plain_secrets_of_a_plan(plan_of(folder)) == []


@EVERY_FOLDER
def test_no_right_is_granted_by_a_wildcard(folder: str, plan_of: PlanOf) -> None:
    assert rules.wildcards(plan_of(folder)) == []


def actions(plan: Plan, address: str) -> dict[str, set[str]]:
    """Returns what is allowed, by what it is allowed on."""
    allowed: dict[str, set[str]] = {}
    for statement in plan.statements(address):
        assert statement["Effect"] == "Allow"
        for resource in statement["Resource"]:
            allowed.setdefault(resource, set()).update(statement["Action"])
    return allowed


def test_the_api_may_announce_and_nothing_else(plan_of: PlanOf) -> None:
    allowed = actions(plan_of("3-queue"), 'aws_iam_role_policy.queue["api"]')
    assert allowed == {QUEUE: {"sqs:SendMessage"}}
    written = [one["address"] for one in plan_of("3-s3-lambda").of_type("aws_iam_role_policy")]
    assert "aws_iam_role_policy.post[0]" not in written, "posting was not asked for"


def test_the_worker_may_take_and_finish_and_not_send(plan_of: PlanOf) -> None:
    allowed = actions(plan_of("3-queue"), 'aws_iam_role_policy.queue["worker"]')
    assert allowed == {
        QUEUE: {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
        },
        f"{QUEUE}-dead": {"sqs:GetQueueUrl", "sqs:GetQueueAttributes"},
    }


def test_only_an_operator_may_put_a_dead_letter_back(plan_of: PlanOf) -> None:
    allowed = actions(plan_of("3-queue"), 'aws_iam_role_policy.queue["operator"]')
    assert "sqs:SendMessage" in allowed[QUEUE]
    assert "sqs:SendMessage" not in allowed[f"{QUEUE}-dead"]
    assert not any("Purge" in each for each in allowed[QUEUE] | allowed[f"{QUEUE}-dead"])


def test_the_worker_may_read_one_bucket(plan_of: PlanOf) -> None:
    allowed = actions(plan_of("3-s3-lambda"), 'aws_iam_role_policy.read["worker"]')
    reading = {"s3:GetObject", "s3:GetObjectVersion"}
    assert allowed == {f"{BUCKET}/*": reading, BUCKET: {"s3:ListBucket"}}


def test_only_policies_about_the_key_are_not_in_the_plan(plan_of: PlanOf) -> None:
    policies = plan_of("3-s3-lambda").of_type("aws_iam_role_policy")
    unknown = {one["address"] for one in policies if one["values"].get("policy") is None}
    assert unknown == {f'aws_iam_role_policy.decrypt["{who}"]' for who in ("worker", "operator")}
    text = (INFRA / "3-s3-lambda" / "access.tf").read_text("utf-8")
    assert text.count("kms:") == text.count("= [aws_kms_key.bucket.arn]") + 1  # and kms:ViaService


def test_the_pods_of_the_chart_are_who_the_roles_are_for(plan_of: PlanOf) -> None:
    made = {one["metadata"]["name"] for one in render(*PRODUCTION).of_kind("ServiceAccount")}
    associations = plan_of("3-queue").of_type("aws_eks_pod_identity_association")
    named = {
        one["values"]["service_account"]
        for one in associations
        if one["values"]["namespace"] == "movies-r-us"
    }
    # The migration speaks with the database alone.
    assert named == made - {"movies-r-us-migration"}


# What is only known once it is made: a host, and the address of a queue.
LATER = {"2-rds": "known.later", "3-queue": "https://known.later"}


def test_what_the_folders_tell_the_chart_is_what_it_takes(plan_of: PlanOf, tmp_path: Path) -> None:
    options = list(PRODUCTION)
    for folder, later in LATER.items():
        file = tmp_path / f"{folder}.json"
        file.write_text(json.dumps(plan_of(folder).output("helm_values", later=later)))
        options += ["--values", str(file)]
    release = render(*options)
    told = release.environment("-worker")
    assert {"2-rds": told["MRU_DB_HOST"], "3-queue": told["MRU_QUEUE_URL"]} == LATER
    queue = plan_of("3-queue").values("aws_sqs_queue.imports")
    assert int(told["MRU_TASK_SECONDS"]) + 30 < queue["visibility_timeout_seconds"]
    bucket = plan_of("3-s3-lambda").values("aws_s3_bucket.movies")["bucket"]
    assert release.environment("-api")["MRU_BUCKETS"] == bucket
    external = {
        one["metadata"]["name"]: one["spec"]["data"] for one in release.of_kind("ExternalSecret")
    }
    made = {
        one["values"]["name"]
        for folder in ("2-rds", "3-queue")
        for one in plan_of(folder).of_type("aws_secretsmanager_secret")
    }
    named = {data["remoteRef"]["key"] for each in external.values() for data in each}
    assert named == made | {LATER["2-rds"]}, "the last is the administrator's, which RDS makes"


def test_each_step_tells_the_next_ones_all_that_they_have_to_know(plan_of: PlanOf) -> None:
    told = {name for folder in FOLDERS[:3] for name in plan_of(folder).output("next", later="x")}
    for folder in FOLDERS:
        text = (INFRA / folder / "variables.tf").read_text("utf-8")
        blocks = re.findall(r'variable "(\w+)" \{(.*?)^\}', text, re.MULTILINE | re.DOTALL)
        required = {name for name, body in blocks if "default" not in body}
        assert required - told <= {"movies_r_us_notify_api_url"}  # which the README's step 6 names
    known = "".join((INFRA / folder / "variables.tf").read_text("utf-8") for folder in FOLDERS)
    assert {name for name in told if f'variable "{name}"' not in known} == set()


def test_strangers_cannot_reach_the_bucket(plan_of: PlanOf) -> None:
    assert rules.open_bucket_faults(plan_of("3-s3-lambda")) == []


def test_the_bucket_keeps_versions_encrypted(plan_of: PlanOf) -> None:
    plan = plan_of("3-s3-lambda")
    versioning = plan.values("aws_s3_bucket_versioning.movies")["versioning_configuration"]
    assert versioning[0]["status"] == "Enabled"
    encryption = plan.values("aws_s3_bucket_server_side_encryption_configuration.movies")["rule"]
    default = encryption[0]["apply_server_side_encryption_by_default"][0]
    assert default["sse_algorithm"] == "aws:kms"


def test_the_queues_keep_messages_for_two_weeks_encrypted(plan_of: PlanOf) -> None:
    for plan, name in (
        (plan_of("3-queue"), "imports"),
        (plan_of("3-queue"), "dead"),
        (plan_of("3-s3-lambda"), "lost"),
    ):
        queue = plan.values(f"aws_sqs_queue.{name}")
        assert queue["message_retention_seconds"] == 1_209_600
        assert queue["sqs_managed_sse_enabled"]
    for address in ('aws_sqs_queue_policy.tls["imports"]', 'aws_sqs_queue_policy.tls["dead"]'):
        assert [one["Effect"] for one in plan_of("3-queue").statements(address)] == ["Deny"]


def test_what_fails_too_often_goes_to_the_dead_letter_queue(plan_of: PlanOf) -> None:
    plan = plan_of("3-queue")
    redrive = json.loads(plan.values("aws_sqs_queue.imports")["redrive_policy"])
    assert redrive == {"deadLetterTargetArn": f"{QUEUE}-dead", "maxReceiveCount": 10}
    allow = json.loads(plan.values("aws_sqs_queue.dead")["redrive_allow_policy"])
    assert allow == {"redrivePermission": "byQueue", "sourceQueueArns": [QUEUE]}


def test_the_database_survives_a_zone_and_a_mistake(plan_of: PlanOf) -> None:
    database = plan_of("2-rds").values("aws_rds_cluster.database")
    assert database["engine"] == "postgres"
    assert database["db_cluster_instance_class"].startswith("db.")
    assert database["storage_encrypted"]
    assert database["deletion_protection"]
    assert database["manage_master_user_password"]
    assert not database["skip_final_snapshot"]
    assert database["backup_retention_period"] >= 7
    group = plan_of("2-rds").values("aws_rds_cluster_parameter_group.database")
    parameters = {one["name"]: one["value"] for one in group["parameter"]}
    assert parameters["rds.force_ssl"] == "1"


def test_the_databases_log_has_no_statements_and_is_not_kept_for_ever(plan_of: PlanOf) -> None:
    plan = plan_of("2-rds")
    group = plan.values("aws_rds_cluster_parameter_group.database")
    parameters = {one["name"]: one["value"] for one in group["parameter"]}
    assert parameters["log_statement"] == "none", "a statement may set a password"
    exported = plan.values("aws_rds_cluster.database")["enabled_cloudwatch_logs_exports"]
    kept = {
        one["values"]["name"]: one["values"]["retention_in_days"]
        for one in plan.of_type("aws_cloudwatch_log_group")
    }
    assert kept == {f"/aws/rds/cluster/movies-r-us/{name}": 90 for name in exported}


def test_only_the_cluster_reaches_the_database(plan_of: PlanOf) -> None:
    rules_in = plan_of("2-rds").of_type("aws_vpc_security_group_ingress_rule")
    assert len(rules_in) == 1
    assert rules_in[0]["values"]["referenced_security_group_id"] == "sg-0123456789abcdef0"
    assert rules_in[0]["values"].get("cidr_ipv4") is None


def test_only_this_accounts_bucket_runs_the_notifier(plan_of: PlanOf) -> None:
    permission = plan_of("3-s3-lambda").values("aws_lambda_permission.bucket")
    assert permission["principal"] == "s3.amazonaws.com"
    assert permission["source_account"] == "123456789012"
    assert permission["source_arn"] == BUCKET


def test_an_event_that_the_notifier_cannot_pass_on_is_kept(plan_of: PlanOf) -> None:
    config = plan_of("3-s3-lambda").values("aws_lambda_function_event_invoke_config.notifier")
    assert config["maximum_retry_attempts"] == 2
    assert config["maximum_event_age_in_seconds"] > 0
    destination = config["destination_config"][0]["on_failure"][0]["destination"]
    assert destination.endswith("movies-r-us-notifier-lost")


def test_the_notifier_has_the_time_that_its_own_patience_takes(plan_of: PlanOf) -> None:
    function = plan_of("3-s3-lambda").values("aws_lambda_function.notifier")
    # Once on a kept connection, once more on a new one; and Secrets Manager before that.
    assert function["timeout"] > 2 * (CONNECT_SECONDS_DEFAULT + READ_SECONDS_DEFAULT) + 5
    assert function["reserved_concurrent_executions"] > 0
    assert len(function["vpc_config"][0]["subnet_ids"]) == 3


def test_somebody_is_told(plan_of: PlanOf) -> None:
    alarms = {
        alarm["values"]["metric_name"]
        for folder in ("2-rds", "3-queue", "3-s3-lambda")
        for alarm in plan_of(folder).of_type("aws_cloudwatch_metric_alarm")
    }
    assert {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
        "DatabaseConnections",
        "Errors",
    } <= alarms
    events = plan_of("2-rds").values("aws_db_event_subscription.database")
    assert "failover" in events["event_categories"]


def test_the_cluster_has_nodes_in_three_zones_and_a_way_out_of_each() -> None:
    cluster = yaml.safe_load((INFRA / "1-eks" / "config.yml").read_text("utf-8"))
    zones = cluster["availabilityZones"]
    assert len(zones) == 3
    assert cluster["vpc"]["nat"]["gateway"] == "HighlyAvailable"
    groups = cluster["managedNodeGroups"]
    assert [group["availabilityZones"] for group in groups] == [[zone] for zone in zones]
    # Two zones can carry what three did.
    assert all(group["maxSize"] * 2 >= group["desiredCapacity"] * 3 for group in groups)
    assert all(group["privateNetworking"] and group["disablePodIMDS"] for group in groups)
    addons = {addon["name"] for addon in cluster["addons"]}
    assert {"vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent"} <= addons
