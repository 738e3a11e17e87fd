"""What must hold of what is deployed: functions that return faults, so that a test can also show
that a spoiled copy has some.
"""

import json
import re
from typing import Any, Final

from tests.deploy.charts import Document, Rendered

_SECRET_NAME: Final = re.compile(r"PASS|SECRET|TOKEN|PRIVATE", re.IGNORECASE)
_NOT_SECRET: Final = re.compile(r"(_ARN|_FILE)$")
# What lies in an emulator's name is no secret: it takes any.
_OF_AN_EMULATOR: Final = "trial"


def plain_secrets(release: Rendered) -> list[str]:
    """Secrets that stand in a manifest: as a Secret, or as the value of a variable."""
    faults = [f"Secret {one['metadata']['name']}" for one in release.of_kind("Secret")]
    for name, spec in release.pods():
        for container in spec["containers"]:
            for variable in container.get("env", []):
                value = variable.get("value")
                if value and value != _OF_AN_EMULATOR and _names_a_secret(variable["name"]):
                    faults.append(f"{name}: {variable['name']}")
    return faults


def plain_secrets_of_a_plan(plan: "Plan") -> list[str]:
    """Secrets that stand in a plan, and so in a state."""
    faults = [one["address"] for one in plan.of_type("aws_secretsmanager_secret_version")]
    for function in plan.of_type("aws_lambda_function"):
        for environment in function["values"].get("environment") or []:
            names = environment.get("variables") or {}
            faults += [f"{function['address']}: {name}" for name in names if _names_a_secret(name)]
    for database in plan.of_type("aws_rds_cluster"):
        if database["values"].get("master_password"):
            faults.append(f"{database['address']}: master_password")
    return faults


def _names_a_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)


def spread_faults(release: Rendered, deployment: str) -> list[str]:
    """What is wrong with how a deployment's pods are spread over zones."""
    spec = release.one("Deployment", deployment)["spec"]["template"]["spec"]
    zones = [
        one
        for one in spec.get("topologySpreadConstraints", [])
        if one["topologyKey"] == "topology.kubernetes.io/zone"
    ]
    if len(zones) != 1:
        return [f"{deployment}: {len(zones)} spreads over zones"]
    wanted = {
        "maxSkew": 1,
        # Hard, one full zone would stop growth and rollouts: tests/cluster/test_room.py.
        "whenUnsatisfiable": "ScheduleAnyway",
        "nodeTaintsPolicy": "Honor",
        "matchLabelKeys": ["pod-template-hash"],
    }
    faults = [
        f"{deployment}: {name}" for name, value in wanted.items() if zones[0].get(name) != value
    ]
    if "minDomains" in zones[0]:
        faults.append(f"{deployment}: minDomains keeps pods pending when a zone is lost")
    labels = release.one("Deployment", deployment)["spec"]["template"]["metadata"]["labels"]
    if not zones[0]["labelSelector"]["matchLabels"].items() <= labels.items():
        faults.append(f"{deployment}: the spread counts other pods than its own")
    return faults


class Plan:
    """What a folder would make, as `terraform test -json -verbose` reports the plan of a run."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._outputs = document["output_changes"]
        self.resources = [
            {"address": one["address"], "type": one["type"], "values": one["change"]["after"]}
            for one in document["resource_changes"]
            if one["mode"] == "managed"
        ]

    def output(self, name: str, *, later: str) -> Any:
        """Returns an output; `later` stands for whatever is only known once it is made."""
        change = self._outputs[name]
        return _filled(change.get("after"), change["after_unknown"], later)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.resources if one["type"] == kind]

    def values(self, address: str) -> dict[str, Any]:
        found = [one["values"] for one in self.resources if one["address"] == address]
        assert len(found) == 1, f"{len(found)} of {address}"
        values: dict[str, Any] = found[0]
        return values

    def statements(self, address: str) -> list[dict[str, Any]]:
        """Returns the statements of a policy, each with lists of actions and resources."""
        policy = json.loads(self.values(address)["policy"])
        return [_listed(statement) for statement in policy["Statement"]]


def _filled(known: Any, unknown: Any, later: str) -> Any:
    if unknown is True:
        return later
    if isinstance(unknown, dict):
        known = known or {}
        names = {**known, **unknown}
        return {n: _filled(known.get(n), unknown.get(n, False), later) for n in names}
    if isinstance(unknown, list):
        return [_filled(k, u, later) for k, u in zip(known, unknown, strict=True)]
    return known


def _listed(statement: dict[str, Any]) -> dict[str, Any]:
    made = dict(statement)
    for name in ("Action", "Resource"):
        value = made.get(name, [])
        made[name] = value if isinstance(value, list) else [value]
    return made


def open_bucket_faults(plan: Plan) -> list[str]:
    """What would let strangers at the bucket."""
    faults = []
    blocks = plan.of_type("aws_s3_bucket_public_access_block")
    switches = (
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    )
    if len(blocks) != 1 or not all(blocks[0]["values"][switch] for switch in switches):
        faults.append("public access is not blocked")
    statements = plan.statements("aws_s3_bucket_policy.movies")
    faults += [
        f"anybody may {statement['Action']}"
        for statement in statements
        if statement["Effect"] == "Allow" and statement["Principal"] in ("*", {"AWS": "*"})
    ]
    if not any(_demands_tls(statement) for statement in statements):
        faults.append("plain HTTP is taken")
    return faults


def _demands_tls(statement: dict[str, Any]) -> bool:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    everybody = statement["Principal"] == "*" and statement["Condition"] == condition
    everything = str(statement["Action"][0]).endswith(":*")
    return bool(statement["Effect"] == "Deny" and everybody and everything)


def wildcards(plan: Plan) -> list[str]:
    """Rights that are granted by a wildcard where a name could be given."""
    faults = []
    for policy in plan.of_type("aws_iam_role_policy"):
        if policy["values"].get("policy") is None:
            continue  # names what is not made yet; a test says which these are
        for statement in plan.statements(policy["address"]):
            sid = f"{policy['address']}: {statement.get('Sid')}"
            faults += [f"{sid} may {action}" for action in statement["Action"] if "*" in action]
            if "*" in statement["Resource"] and not set(statement["Action"]) <= NAMELESS:
                faults.append(f"{sid} on everything")
    return faults


# Lambda's interfaces in a VPC have no names beforehand, and these actions take none.
NAMELESS: Final = {
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
}


def document_names(documents: list[Document]) -> list[str]:
    return [f"{one['kind']}/{one['metadata']['name']}" for one in documents]
