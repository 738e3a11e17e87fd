"""K2: never fewer pods than the minimum, whatever is switched on or off."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.cluster.conftest import ReleaseMaker
from tests.cluster.release import DEPLOYMENTS, INSTALLATION, Document, Release

API = "movies-r-us-api"
WORKER = "movies-r-us-worker"
NEW = {"images": {"api": {"tag": "0.2.0"}}}


def scaling(component: str, **values: object) -> Document:
    return {component: {"autoscaling": values}}


def test_an_installation_ends_with_the_least_number_of_ready_pods(
    either_helm: Path, make_release: ReleaseMaker
) -> None:
    release = make_release(either_helm)
    release.begin()
    if either_helm.name == "helm3":
        # It counts pods that are ready, not those that are available, and may be first.
        release.wait_for_ready(3)
    assert {one: release.ready(one) for one in DEPLOYMENTS} == dict.fromkeys(DEPLOYMENTS, 3)


def test_switching_the_autoscaling_of_the_api_leaves_at_least_the_minimum(
    either_helm: Path, make_release: ReleaseMaker
) -> None:
    release = make_release(either_helm)
    release.begin({"api": {"replicas": 6, "autoscaling": {"enabled": False}}})
    release.wait_for_ready(6, API)
    with at_least(release, API, 6):
        release.well(release.upgrade(INSTALLATION, scaling("api", enabled=True, minReplicas=3)))
        next_round(release, API)
    with at_least(release, API, 3):
        release.well(release.upgrade(INSTALLATION, {"api": {"autoscaling": {"enabled": False}}}))
        release.wait_for_ready(3, API)
    with at_least(release, API, 3):
        release.well(release.rollback(1))
        release.wait_for_ready(6, API)


def test_upgrade_and_rollback_keep_the_pods_that_load_has_brought(
    either_helm: Path, make_release: ReleaseMaker
) -> None:
    """Nothing measures load here: a hand raises the number instead, within the bounds."""
    release = make_release(either_helm)
    release.begin()
    release.well(release.kubectl("scale", f"deployment/{API}", "--replicas=6"))
    release.wait_for_ready(6, API)
    with at_least(release, API, 6):
        release.well(release.upgrade(INSTALLATION, NEW, options=()))
        release.well(release.rollback(1))


def test_switching_keda_leaves_at_least_the_minimum_of_workers(
    either_helm: Path, make_release: ReleaseMaker
) -> None:
    release = make_release(either_helm)
    release.begin()
    release.wait_for_ready(3, WORKER)
    with at_least(release, WORKER, 3):
        on = scaling("worker", enabled=True, minReplicas=3, maxReplicas=9)
        release.well(release.upgrade(INSTALLATION, on))
        assert release.kubectl("get", "hpa", WORKER).returncode != 0, "two autoscalers"
        release.play_keda()
        next_round(release, "keda-hpa-movies-r-us-worker")
    with at_least(release, WORKER, 3):
        release.well(release.upgrade(INSTALLATION))
        next_round(release, WORKER)
        release.well(release.rollback(2))
        release.play_keda()
        next_round(release, "keda-hpa-movies-r-us-worker")


@contextlib.contextmanager
def at_least(release: Release, deployment: str, number: int) -> Iterator[None]:
    """Fails if there are ever fewer ready pods of a deployment."""
    with release.watching(deployment) as seen:
        yield
    assert min(seen) >= number, f"{deployment}: {seen}"


def next_round(release: Release, autoscaler: str) -> None:
    """Waits until an autoscaler has looked at its deployment: it says whether it may scale."""

    def looked() -> bool:
        found = release.kubectl("get", "hpa", autoscaler, "-o", "jsonpath={.status.conditions}")
        return "AbleToScale" in found.stdout

    release.wait_for(f"{autoscaler} looks", looked)
