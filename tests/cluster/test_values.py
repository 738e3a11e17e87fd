"""K4: what identifies an installation is given, or the release is rejected; and it is kept."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import ReleaseMaker
from tests.cluster.release import CHART, INSTALLATION, RUNBOOK, Release

PATHS = ("region", "images.registry", "database.host", "queue.url", "buckets")


@pytest.mark.parametrize("path", PATHS)
def test_a_forgotten_value_ends_the_installation_with_its_name(
    helm4: Path, make_release: ReleaseMaker, path: str
) -> None:
    release = make_release(helm4)
    done = release.install(without(path), options=("--dry-run=server",))
    assert done.returncode != 0, "taken, with a value that nobody gave"
    assert path in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3


def without(path: str) -> dict[str, Any]:
    """Returns the installation's values but one."""
    first, _, second = path.partition(".")
    values = {name: value for name, value in INSTALLATION.items() if name != first}
    if second:
        values[first] = {k: v for k, v in INSTALLATION[first].items() if k != second}
    return values


def test_the_runbooks_command_for_a_restored_database_changes_nothing_but_the_host(
    helm4: Path, make_release: ReleaseMaker
) -> None:
    release = make_release(helm4)
    production = ("--values", str(CHART / "values-production.yaml"))
    certificate = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"
    given: dict[str, Any] = {
        **INSTALLATION,
        "database": {"host": "database.example.com", "caBundle": certificate},
        "ingress": {"certificateArn": "arn:aws:acm:eu-west-1:111122223333:certificate/1"},
    }
    with release.external_secrets_operator():
        release.well(release.install(given, options=(*production, "--wait")))
        before, queue = objects(release), variable(release, "MRU_QUEUE_URL")
        release.well(release.helm(*command_of_the_runbook()))
    assert objects(release) == before
    assert variable(release, "MRU_DB_HOST") == "restored.example.com"
    assert variable(release, "MRU_QUEUE_URL") == queue


def command_of_the_runbook() -> list[str]:
    """Returns helm's words, with what the reader has to fill in."""
    found = re.search(r"`helm (upgrade [^`]*database\.host=[^`]*)`", RUNBOOK.read_text("utf-8"))
    assert found, "the runbook does not say how a restored database is used"
    words = found[1].replace("THE-RESTORED-ENDPOINT", "restored.example.com").split()
    chart = "charts/movies-r-us"
    if chart not in words:  # as the runbook of 0.1.0 had it
        words[1:1] = ["movies-r-us", chart]
    namespace = words.index("--namespace") if "--namespace" in words else len(words)
    del words[namespace : namespace + 2]
    return [str(CHART) if word == chart else word for word in words]


def objects(release: Release) -> Counter[str]:
    """Returns how many objects of each kind the release has, hooks included."""
    kinds = "deploy,svc,ingress,netpol,cm,externalsecrets,scaledobjects,podmonitors,prometheusrules"
    items = release.get(kinds, "--selector", "app.kubernetes.io/instance=movies-r-us")["items"]
    return Counter(one["kind"] for one in items)


def variable(release: Release, name: str) -> str:
    spec = release.get("deployment", "movies-r-us-worker")["spec"]["template"]["spec"]
    variables = spec["containers"][0]["env"]
    return str(next(one["value"] for one in variables if one["name"] == name))
