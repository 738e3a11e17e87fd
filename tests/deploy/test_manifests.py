"""What helm renders, held against Kubernetes' own schemas, and by those who read manifests."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.deploy.charts import LOWEST, VARIANTS, render, template
from tests.deploy.tools import FOLDERS, INFRA, INSTALLED, ROOT, find, run, run_well

CHECKER = Path(__file__).with_name("manifest_checker.py")
# The highest that the package of schemas has; kubeVersion of the chart has no upper bound.
HIGHEST = "1.37.0"

# What checkov asks for and is not done, with the reason.
SKIPPED = {
    "CKV_K8S_11": "no CPU limit: it would slow a pod down while its node has nothing to do",
    "CKV_K8S_15": "images are named by digest, so that asking the registry again brings nothing",
    "CKV_K8S_35": "the rooms read passwords from variables; only the notification's may be a file",
    "CKV_K8S_43": "a digest is given at the release; the default values have a tag",
    "CKV_K8S_14": "a tag is given at the release",
    "CKV_K8S_8": "a Job and a test end by themselves",
    "CKV_K8S_9": "as above",
    "CKV_K8S_21": "the namespace is the release's",
    "CKV2_K8S_6": "the policies are there; checkov does not see what selects a template's labels",
}


@pytest.mark.parametrize("version", [LOWEST, HIGHEST])
@pytest.mark.parametrize("variant", VARIANTS)
def test_manifests_are_what_kubernetes_takes(variant: str, version: str) -> None:
    assert faults(render(*VARIANTS[variant], kube=version).documents, version) == []


def faults(documents: list[dict[str, object]], version: str) -> list[str]:
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
    document = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
    assert faults([document], LOWEST)


@pytest.mark.parametrize("variant", VARIANTS)
def test_checkov_finds_no_fault_in_the_manifests(variant: str, tmp_path: Path) -> None:
    (tmp_path / "release.yaml").write_text(template(*VARIANTS[variant]))
    checkov("kubernetes", tmp_path, SKIPPED)


def checkov(framework: str, folder: Path, skipped: dict[str, str]) -> None:
    command = [find("checkov"), "--framework", framework, "--directory", folder, "--compact"]
    quiet = [
        "--quiet",
        "--download-external-modules",
        "false",
        "--skip-resources-without-violations",
    ]
    done = run([*command, *quiet, "--skip-check", ",".join(skipped)])
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_checkov_finds_no_fault_in_the_dockerfiles(tmp_path: Path) -> None:
    for room in ("api", "worker"):
        (tmp_path / room).mkdir()
        text = (ROOT / f"Dockerfile.{room}").read_text("utf-8")
        (tmp_path / room / "Dockerfile").write_text(text)
    checkov("dockerfile", tmp_path, {})


INFRA_SKIPPED = {
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
    "CKV_AWS_109": "a key's policy must let the account manage the key",
    "CKV_AWS_111": "as above",
    "CKV_AWS_356": "as above",
    "CKV_AWS_162": "passwords, and not IAM: a connection must not depend on IAM's limit of rate",
    "CKV_AWS_128": "as above",
    "CKV2_AWS_62": "the bucket does send events; checkov looks for them in the same file",
    "CKV2_AWS_5": "the groups are attached by what is in other files, or a cluster's own",
    "CKV_AWS_382": "the notifier's way out is one port",
    "CKV_AWS_290": "Lambda's interfaces in a VPC have no names beforehand",
    "CKV_AWS_355": "as above",
    "CKV_AWS_324": "one log line for each second is enough: log_min_duration_statement",
    "CKV2_AWS_27": "queries longer than a second are logged, not all",
    "CKV_AWS_139": "deletion_protection is on; checkov looks at Aurora's name for it",
}


def test_checkov_finds_no_fault_in_the_infrastructure() -> None:
    checkov("terraform", INFRA, INFRA_SKIPPED)


def test_every_folder_of_the_infrastructure_is_checked() -> None:
    folders = {path.parent.name for path in INFRA.glob("*/main.tf")}
    assert folders == set(FOLDERS)


def test_the_compose_file_is_what_compose_takes() -> None:
    run_well([find("dclint"), "docker-compose.yml"])
