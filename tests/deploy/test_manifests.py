"""What helm renders, held against Kubernetes' own schemas, and by those who read manifests."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.deploy.charts import LOWEST, VARIANTS, Document, render, template
from tests.deploy.tools import FOLDERS, INFRA, INSTALLED, ROOT, find, run, run_well

CHECKER = Path(__file__).with_name("manifest_checker.py")
# The highest that the package of schemas has; kubeVersion of the chart has no upper bound.
HIGHEST = "1.37.0"

# What checkov asks for and is not done, with the reason.
SKIPPED = {
    "CKV_K8S_11": "no CPU limit: it would slow a pod down while its node has nothing to do",
    "CKV_K8S_15": "images are named by digest, so that asking the registry again brings nothing",
    "CKV_K8S_35": "the chart passes secrets by variable; the _FILE variables take files",
    "CKV_K8S_43": "a digest is given at the release; the default values have a tag",
    "CKV_K8S_8": "a Job and a test end by themselves",
    "CKV_K8S_9": "a Job and a test serve nobody",
    "CKV_K8S_21": "the namespace is the release's",
}


@pytest.mark.parametrize("version", [LOWEST, HIGHEST])
@pytest.mark.parametrize("variant", VARIANTS)
def test_manifests_are_what_kubernetes_takes(variant: str, version: str) -> None:
    assert faults(render(*VARIANTS[variant], kube=version).documents, version) == []


def faults(documents: list[Document], version: str) -> list[str]:
    find("checkov")  # installed together with the schemas
    python = INSTALLED / "venv" / "bin" / "python"
    if not python.exists():
        pytest.skip("the packages with Kubernetes' schemas are not installed: make check-deploy")
    done = subprocess.run(
        [python, CHECKER, version.removesuffix(".0")],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("kind", "ending", "path"),
    [
        ("Deployment", "-api", ("spec", "template", "spec", "terminationGracePeriod")),
        ("NetworkPolicy", "-api", ("spec", "egres")),
        ("ScaledObject", "-worker", ("spec", "minReplicas")),
        ("PodMonitor", "-api", ("spec", "podMetricEndpoints")),
        ("PrometheusRule", "", ("spec", "group")),
    ],
)
def test_a_misspelt_field_is_found(kind: str, ending: str, path: tuple[str, ...]) -> None:
    document = render(*VARIANTS["production"]).one(kind, ending)
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = 1
    found = faults([document], LOWEST)
    assert any(path[-1] in fault for fault in found), found


def test_an_unknown_kind_is_found() -> None:
    document: Document = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "x"},
    }
    assert faults([document], LOWEST)


def test_checkov_finds_no_other_fault_in_the_manifests(tmp_path: Path) -> None:
    for variant, options in VARIANTS.items():
        (tmp_path / f"{variant}.yaml").write_text(template(*options))
    assert checkov("kubernetes", tmp_path) == set(SKIPPED)


def checkov(framework: str, folder: Path) -> set[str]:
    """Returns the checks that fail. Those that are known are left in: one too many is a fault."""
    command: list[str | Path] = [find("checkov"), "--framework", framework, "--directory", folder]
    quiet = ["--quiet", "--skip-download"]  # it would ask its maker's server for links
    done = run([*command, *quiet, "--output", "json"])
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 0
    failed = report["results"]["failed_checks"]
    for one in failed:
        print(one["check_id"], one["resource"], one["check_name"])
    return {one["check_id"] for one in failed}


def test_checkov_finds_no_other_fault_in_the_dockerfiles(tmp_path: Path) -> None:
    for room in ("api", "worker"):
        (tmp_path / room).mkdir()
        text = (ROOT / f"Dockerfile.{room}").read_text("utf-8")
        (tmp_path / room / "Dockerfile").write_text(text)
    assert checkov("dockerfile", tmp_path) == set(DOCKERFILE_SKIPPED)


DOCKERFILE_SKIPPED = {
    "CKV_DOCKER_7": "the tag stands in ARG PYTHON, and test_images.py holds it to one version",
}

INFRA_SKIPPED = {
    "CKV2_AWS_8": "RDS' own backups, restorable to any second; AWS Backup is an account's choice",
    "CKV2_AWS_64": "every key has its policy; checkov does not see one that is made by jsonencode",
    "CKV_AWS_18": "reads of the bucket are in CloudTrail, where the account has it",
    "CKV_AWS_144": "one region, as designed; a copy in another is a decision of its own",
    "CKV_AWS_50": "no tracing: one request, whose id is in every log line",
    "CKV_AWS_116": "an on-failure destination takes the place of a dead-letter queue",
    "CKV_AWS_272": "code signing needs a signer of the account's own",
    "CKV_AWS_173": "no variable of the function is a secret",
    "CKV_AWS_158": "the log has no secrets; CloudWatch encrypts it with its own key",
    "CKV_AWS_338": "90 days are kept, and not a year",
    "CKV_AWS_149": "Secrets Manager's own key, so that readers need no right to another",
    "CKV2_AWS_57": "the roles' passwords are changed by docs/runbook.md: a release gives them",
    "CKV_AWS_162": "passwords, and not IAM: a connection must not depend on IAM's limit of rate",
}


def test_checkov_finds_no_other_fault_in_the_infrastructure() -> None:
    assert checkov("terraform", INFRA) == set(INFRA_SKIPPED)


def test_every_folder_of_the_infrastructure_is_checked() -> None:
    folders = {path.parent.name for path in INFRA.glob("*/main.tf")}
    assert folders == set(FOLDERS)


def test_the_compose_file_is_what_compose_takes() -> None:
    run_well([find("dclint"), "docker-compose.yml"])
