"""What the checks of the images share: a fresh clone, both images built from it, and the stack."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import docker
from tests.images.engine import ROOT, need_engine
from tests.images.stack import Stack, running_stack


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of what is committed: what is not does not reach a build."""
    need_engine()
    folder = tmp_path_factory.mktemp("clone") / "movies-r-us"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def images(clone: Path) -> dict[str, str]:
    """Both images by component, built exactly as committed."""
    built = {component: f"movies-r-us-{component}:check" for component in ("api", "worker")}
    for component, image in built.items():
        file = f"Dockerfile.{component}"
        docker.must("buildx", "build", "--load", "--file", file, "--tag", image, ".", cwd=clone)
    return built


@pytest.fixture(scope="session")
def stack(clone: Path) -> Iterator[Stack]:
    """`docker compose up --build` in the clone, and `down` at the end."""
    with running_stack(clone) as stack:
        yield stack
