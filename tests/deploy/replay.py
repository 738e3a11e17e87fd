"""What a plan would make, made in the emulator: terraform's own values, call by call.

Only what the emulator knows, and what a file's road needs: queues, secret, roles, function, bucket.
What the plan does not know yet (an ARN that AWS makes) is what the emulator answers.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import boto3

from tests.deploy.rules import Plan

Variables = dict[str, str]


@dataclasses.dataclass
class Replay:
    """Makes things at an address; `plans` are those of 3-queue and 3-s3-lambda."""

    endpoint: str
    queue: Plan
    bucket: Plan

    def client(self, service: str) -> Any:
        session = boto3.session.Session("test", "test", region_name="eu-west-1")
        return session.client(service, endpoint_url=self.endpoint)

    def make_queues(self) -> dict[str, str]:
        """Makes all three queues and their policies. Returns their URLs."""
        sqs = self.client("sqs")
        urls = {}
        for plan, name in ((self.queue, "dead"), (self.queue, "imports"), (self.bucket, "lost")):
            values = plan.values(f"aws_sqs_queue.{name}")
            urls[name] = sqs.create_queue(
                QueueName=values["name"], Attributes=_queue_attributes(values)
            )["QueueUrl"]
        for name in ("imports", "dead"):
            self._set_policy(sqs, urls[name], self.queue, f'aws_sqs_queue_policy.tls["{name}"]')
        self._set_policy(sqs, urls["lost"], self.bucket, "aws_sqs_queue_policy.lost")
        return urls

    def _set_policy(self, sqs: Any, url: str, plan: Plan, address: str) -> None:
        policy = plan.values(address)["policy"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def make_roles(self) -> None:
        """Makes every role, and gives it every policy that the plans know whole."""
        iam = self.client("iam")
        for plan in (self.queue, self.bucket):
            for role in plan.of_type("aws_iam_role"):
                iam.create_role(
                    RoleName=role["values"]["name"],
                    AssumeRolePolicyDocument=role["values"]["assume_role_policy"],
                )
        for plan in (self.queue, self.bucket):
            for policy in plan.of_type("aws_iam_role_policy"):
                values = policy["values"]
                if values.get("policy"):
                    iam.put_role_policy(
                        RoleName=values["role"],
                        PolicyName=values["name"],
                        PolicyDocument=values["policy"],
                    )

    def make_secret(self, value: str) -> str:
        """Makes the secret that notifications are signed with. Returns its ARN."""
        name = self.queue.values("aws_secretsmanager_secret.notification")["name"]
        made = self.client("secretsmanager").create_secret(Name=name, SecretString=value)
        arn: str = made["ARN"]
        return arn

    def make_function(self, archive: Path, variables: Variables) -> str:
        """Makes the function; `variables` are what AWS itself would tell it, and addresses."""
        values = self.bucket.values("aws_lambda_function.notifier")
        planned = values["environment"][0]["variables"]
        role = self.client("iam").get_role(RoleName=values["function_name"])["Role"]["Arn"]
        client = self.client("lambda")
        made = client.create_function(
            FunctionName=values["function_name"],
            Role=role,
            Runtime=values["runtime"],
            Architectures=values["architectures"],
            Handler=values["handler"],
            Timeout=values["timeout"],
            MemorySize=values["memory_size"],
            Environment={"Variables": {**planned, **variables}},
            Code={"ZipFile": archive.read_bytes()},
        )
        permission = self.bucket.values("aws_lambda_permission.bucket")
        client.add_permission(
            FunctionName=permission["function_name"],
            StatementId=permission["statement_id"],
            Action=permission["action"],
            Principal=permission["principal"],
            SourceArn=permission["source_arn"],
            SourceAccount=permission["source_account"],
        )
        client.put_function_concurrency(
            FunctionName=values["function_name"],
            ReservedConcurrentExecutions=values["reserved_concurrent_executions"],
        )
        arn: str = made["FunctionArn"]
        return arn

    def make_bucket(self, function_arn: str) -> str:
        """Makes the bucket with all that stands around it. Returns its name."""
        s3 = self.client("s3")
        name: str = self.bucket.values("aws_s3_bucket.movies")["bucket"]
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        block = self.bucket.values("aws_s3_bucket_public_access_block.movies")
        switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
        snake = ("block_public_acls", "ignore_public_acls", "block_public_policy")
        configuration = {c: block[s] for c, s in zip(switches, snake, strict=True)}
        configuration["RestrictPublicBuckets"] = block["restrict_public_buckets"]
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=configuration)
        versioning = self.bucket.values("aws_s3_bucket_versioning.movies")
        status = versioning["versioning_configuration"][0]["status"]
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": list(self._lifecycle())}
        )
        s3.put_bucket_policy(
            Bucket=name, Policy=self.bucket.values("aws_s3_bucket_policy.movies")["policy"]
        )
        events = self.bucket.values("aws_s3_bucket_notification.movies")["lambda_function"]
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {"LambdaFunctionArn": function_arn, "Events": one["events"]} for one in events
                ]
            },
        )
        return name

    def _lifecycle(self) -> Any:
        rules = self.bucket.values("aws_s3_bucket_lifecycle_configuration.movies")["rule"]
        for rule in rules:
            made: dict[str, Any] = {"ID": rule["id"], "Status": rule["status"]}
            made["Filter"] = {"Prefix": ""}
            for one in rule["noncurrent_version_expiration"]:
                made["NoncurrentVersionExpiration"] = {"NoncurrentDays": one["noncurrent_days"]}
            for one in rule["abort_incomplete_multipart_upload"]:
                days = one["days_after_initiation"]
                made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
            for one in rule["transition"]:
                made["Transitions"] = [{"Days": one["days"], "StorageClass": one["storage_class"]}]
            yield made


def _queue_attributes(values: dict[str, Any]) -> dict[str, str]:
    names = {
        "MessageRetentionPeriod": "message_retention_seconds",
        "VisibilityTimeout": "visibility_timeout_seconds",
        "ReceiveMessageWaitTimeSeconds": "receive_wait_time_seconds",
        "RedrivePolicy": "redrive_policy",
        "RedriveAllowPolicy": "redrive_allow_policy",
        "SqsManagedSseEnabled": "sqs_managed_sse_enabled",
    }
    found = {name: values.get(ours) for name, ours in names.items()}
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in found.items()
        if value not in (None, "")
    }
