"""One control plane for the session, and a release in a namespace of its own for each test."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import helm3
from tests.cluster.plane import NoPlaneError, Plane, running
from tests.cluster.release import Release
from tests.deploy.tools import find

ReleaseMaker = Callable[..., Release]


@pytest.fixture(scope="session")
def plane() -> Iterator[Plane]:
    """The control plane, or the reason why there is none."""
    plane = running()
    try:
        started = plane.__enter__()
    except NoPlaneError as error:
        pytest.skip(str(error))
    try:
        yield started
    finally:
        plane.__exit__(None, None, None)


@pytest.fixture(params=["helm4", "helm3"])
def either_helm(request: pytest.FixtureRequest, plane: Plane) -> Path:
    """Helm 4, which applies on the server, and helm 3, which merges three ways."""
    return _helm(str(request.param), plane)


@pytest.fixture
def helm4(plane: Plane) -> Path:
    return _helm("helm4", plane)


def _helm(name: str, plane: Plane) -> Path:
    if name == "helm4":
        return _program("helm", plane)
    if not helm3.PLACE.exists():
        pytest.skip("helm 3 is not installed: python -m tests.cluster.helm3")
    return helm3.PLACE


def _program(name: str, plane: Plane) -> Path:
    ours = plane.programs / name if plane.programs else None
    return ours if ours and ours.exists() else find(name)


@pytest.fixture
def make_release(plane: Plane, tmp_path: Path) -> Iterator[ReleaseMaker]:
    """Makes a release's namespace, where pods must be `restricted`, and removes it at the end."""
    made: list[Release] = []

    def make(helm: Path, *, region: str = "eu-west-1") -> Release:
        namespace = f"movies-{uuid.uuid4().hex[:8]}"
        kubectl = _program("kubectl", plane)
        release = Release(plane, kubectl, helm, namespace, tmp_path, region)
        release.well(release.kubectl("create", "namespace", namespace))
        label = "pod-security.kubernetes.io/enforce=restricted"
        release.well(release.kubectl("label", "namespace", namespace, label))
        made.append(release)
        return release

    yield make
    for release in made:
        release.well(release.kubectl("delete", "namespace", release.namespace, "--wait=false"))
