"""K3: pods are spread over zones as evenly as there is room, and no more evenly than that.

Placed by the real scheduler. Each test has the nodes of a region of its own.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.conftest import ReleaseMaker
from tests.cluster.release import INSTALLATION, Document, Release

NEW = {"images": {"worker": {"tag": "0.2.0"}}}
ZONE = "topology.kubernetes.io/zone"
COMPONENTS = ("api", "worker")


def workers(number: int) -> Document:
    return {"worker": {"replicas": number}}


def test_a_full_zone_stops_neither_growth_nor_rollouts(
    helm4: Path, make_release: ReleaseMaker
) -> None:
    release = make_release(helm4, region="eu-west-2")
    release.begin(workers(3))
    release.wait_for_ready(3)
    assert sorted(zones(release, "worker").values()) == [1, 1, 1]
    fill(release, "eu-west-2a")

    release.well(release.upgrade(INSTALLATION, workers(9)))
    release.wait_for_ready(9, "movies-r-us-worker")
    release.well(release.upgrade(INSTALLATION, workers(9), NEW))
    assert release.images()["movies-r-us-worker"] == "0.2.0"
    release.wait_for_ready(9, "movies-r-us-worker")

    release.well(release.kubectl("delete", "deployment", "other", "--wait"))
    roll(release, "worker")
    assert sorted(zones(release, "worker").values()) == [3, 3, 3]


def test_a_lost_zone_is_made_up_for_in_the_others(helm4: Path, make_release: ReleaseMaker) -> None:
    release = make_release(helm4, region="eu-west-3")
    if release.plane.state is None:
        pytest.skip("only simulated nodes can be lost")
    release.begin({"lostNodeSeconds": 5})
    lost = release.plane.state / "lost"
    lost.write_text("eu-west-3a\n")
    try:
        release.wait_for("three of each in two zones", lambda: elsewhere(release, "eu-west-3a"))
    finally:
        lost.unlink()
    release.wait_for("the zone is back", lambda: "eu-west-3a" in ready_zones(release))
    roll(release, *COMPONENTS)
    for component in COMPONENTS:
        assert sorted(zones(release, component).values()) == [1, 1, 1]


def elsewhere(release: Release, zone: str) -> bool:
    """Whether all pods are ready in zones other than this."""
    return all(
        zones(release, component).total() == 3
        and zone not in zones(release, component)
        and release.ready(f"movies-r-us-{component}") == 3
        for component in COMPONENTS
    )


def ready_zones(release: Release) -> set[str]:
    """Returns the zones whose nodes all take pods."""
    nodes = release.get("nodes")["items"]
    tainted = {one["metadata"]["labels"][ZONE] for one in nodes if one["spec"].get("taints")}
    return {one["metadata"]["labels"][ZONE] for one in nodes} - tainted


def roll(release: Release, *components: str) -> None:
    """Makes all pods of these components anew."""
    deployments = [f"deployment/movies-r-us-{component}" for component in components]
    release.well(release.kubectl("rollout", "restart", *deployments))
    for one in deployments:
        release.well(release.kubectl("rollout", "status", one))


def test_nodes_without_zones_are_as_good_as_others(helm4: Path, make_release: ReleaseMaker) -> None:
    """A cluster of one node, as kind and k3s make it: its node has no label of a zone."""
    release = make_release(helm4)
    release.begin({"zoneLabel": "example.com/no-such-label"})


def fill(release: Release, zone: str) -> None:
    """Takes a zone's CPU away, as another tenant would."""
    pod = {
        "nodeSelector": {ZONE: zone},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "other",
                "image": "other:1",
                "resources": {"requests": {"cpu": "500m"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "other"},
        "spec": {
            "replicas": 20,
            "selector": {"matchLabels": {"app": "other"}},
            "template": {"metadata": {"labels": {"app": "other"}}, "spec": pod},
        },
    }
    release.well(release.kubectl("create", "-f", "-", stdin=json.dumps(deployment)))
    release.wait_for("a full zone", lambda: _unschedulable(release))


def _unschedulable(release: Release) -> bool:
    """Whether a pod of the other tenant found no room, so that there is none left."""
    pods = release.get("pods", "--selector", "app=other")["items"]
    return any(
        condition.get("reason") == "Unschedulable"
        for pod in pods
        for condition in pod["status"].get("conditions", [])
    )


def zones(release: Release, component: str) -> Counter[str]:
    """Returns how many pods of a component are in each zone."""
    nodes = {
        one["metadata"]["name"]: one["metadata"]["labels"].get(ZONE, "")
        for one in release.get("nodes")["items"]
    }
    placed = [pod["spec"].get("nodeName") for pod in release.pods(component)]
    return Counter(nodes[name] for name in placed if name)
