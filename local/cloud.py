"""Makes what a real account has: the bucket, the two queues, the function and S3's event to it.

Plain boto3 against an endpoint. Whatever is there already is brought to what it should be, so that
it can be run again.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any, Final, Self

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from local.archive import pack_room
from local.settings import ROOT
from schemas.notification import IMPORT_QUEUE
from schemas.settings import Environment

_DAY_SECONDS: Final = 86_400
_RETENTION_SECONDS: Final = 14 * _DAY_SECONDS
_ROLE: Final = "movies-r-us-notifier"
_FUNCTION: Final = "movies-r-us-notifier"
HANDLER: Final = "notifier.handler.handle"
_RUNTIME: Final = "python3.11"
_FUNCTION_TIMEOUT_SECONDS: Final = 30

ACCESS_KEY_ID: Final = "local"
SECRET_ACCESS_KEY: Final = "local"  # noqa: S105  the emulator takes any


@dataclasses.dataclass(frozen=True, kw_only=True)
class CloudSettings:
    """What to make, and where. `function_environment` is what the notifier is told."""

    endpoint: str
    region: str
    bucket: str
    queue: str
    max_receives: int
    visibility_seconds: int
    archive: bytes = dataclasses.field(repr=False)
    function_environment: Mapping[str, str] = dataclasses.field(repr=False)

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads what docker-compose.yml tells its components, too. Raises SettingError."""
        return cls(
            endpoint=environment.text("AWS_ENDPOINT_URL"),
            region=environment.text("AWS_REGION"),
            bucket=environment.listing("MRU_BUCKETS")[0],
            queue=IMPORT_QUEUE,
            max_receives=environment.integer("MRU_MAX_RECEIVES", 10, minimum=1, maximum=1_000),
            visibility_seconds=environment.integer(
                "MRU_VISIBILITY_SECONDS", 120, minimum=5, maximum=43_200
            ),
            archive=pack_room(ROOT / "notifier"),
            function_environment={
                "MRU_API_URL": environment.text("MRU_API_URL"),
                "MRU_NOTIFICATION_SECRET": " ".join(environment.secrets("MRU_NOTIFICATION_SECRET")),
            },
        )


@dataclasses.dataclass(frozen=True)
class Cloud:
    """What was made."""

    queue_url: str
    dead_queue_url: str
    function_arn: str


def prepare_cloud(settings: CloudSettings) -> Cloud:
    """Makes everything that is missing. Raises botocore's ClientError or BotoCoreError."""
    dead_queue_url, queue_url = _make_queues(settings)
    function_arn = _make_function(settings)
    _make_bucket(settings, function_arn)
    return Cloud(queue_url, dead_queue_url, function_arn)


def make_client(service: str, endpoint: str, region: str) -> Any:
    """Returns a client of the emulator that nothing in a developer's own AWS set-up leads away."""
    session = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(proxies={}, connect_timeout=5, read_timeout=60, retries={"mode": "standard"}),
    )


def _make_queues(settings: CloudSettings) -> tuple[str, str]:
    sqs = make_client("sqs", settings.endpoint, settings.region)
    dead_queue_url = _make_queue(sqs, f"{settings.queue}-dead", {})
    dead_queue = sqs.get_queue_attributes(QueueUrl=dead_queue_url, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": dead_queue["Attributes"]["QueueArn"],
        "maxReceiveCount": settings.max_receives,
    }
    visibility = {"VisibilityTimeout": str(settings.visibility_seconds)}
    queue_url = _make_queue(
        sqs, settings.queue, {**visibility, "RedrivePolicy": json.dumps(redrive)}
    )
    return dead_queue_url, queue_url


def _make_queue(sqs: Any, name: str, attributes: dict[str, str]) -> str:
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    retention = {"MessageRetentionPeriod": str(_RETENTION_SECONDS)}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={**retention, **attributes})
    return url


def _make_function(settings: CloudSettings) -> str:
    client = make_client("lambda", settings.endpoint, settings.region)
    configuration = {
        "FunctionName": _FUNCTION,
        "Role": _make_role(settings),
        "Runtime": _RUNTIME,
        "Handler": HANDLER,
        "Timeout": _FUNCTION_TIMEOUT_SECONDS,
        "Environment": {"Variables": dict(settings.function_environment)},
    }
    try:
        made = client.create_function(**configuration, Code={"ZipFile": settings.archive})
    except ClientError as error:
        if _code(error) != "ResourceConflictException":
            raise
        made = client.update_function_configuration(**configuration)
        client.update_function_code(FunctionName=_FUNCTION, ZipFile=settings.archive)
    arn: str = made["FunctionArn"]
    return arn


def _make_role(settings: CloudSettings) -> str:
    iam = make_client("iam", settings.endpoint, settings.region)
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    policy = {"Version": "2012-10-17", "Statement": [trust]}
    try:
        iam.create_role(RoleName=_ROLE, AssumeRolePolicyDocument=json.dumps(policy))
    except ClientError as error:
        if _code(error) != "EntityAlreadyExists":
            raise
    arn: str = iam.get_role(RoleName=_ROLE)["Role"]["Arn"]
    return arn


def _make_bucket(settings: CloudSettings, function_arn: str) -> None:
    s3 = make_client("s3", settings.endpoint, settings.region)
    place = {"LocationConstraint": settings.region}
    # S3 has no name for its first region: there the constraint must be left out.
    options = {} if settings.region == "us-east-1" else {"CreateBucketConfiguration": place}
    try:
        s3.create_bucket(Bucket=settings.bucket, **options)
    except ClientError as error:
        if _code(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise
    notify = {"LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=settings.bucket,
        NotificationConfiguration={"LambdaFunctionConfigurations": [notify]},
    )


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code
