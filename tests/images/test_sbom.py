"""The list of what an image carries is made of the image itself, and is whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pins
from tests.images import docker
from tests.images.engine import ROOT

# What the build takes away again: see the Dockerfiles.
LEFT_OUT = {"click-repl", "prompt-toolkit", "wcwidth", "pygments"}


@pytest.mark.parametrize("component", ["api", "worker"])
def test_the_list_of_an_image_names_each_of_its_packages_by_version(
    images: dict[str, str], component: str, tmp_path: Path
) -> None:
    file = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "tests.images.sbom", images[component], str(file)]
    subprocess.run(command, cwd=ROOT, check=True)
    listed = json.loads(file.read_text("utf-8"))["components"]
    found = {one["purl"].partition("?")[0] for one in listed if "purl" in one}
    words = ("run", "--rm", "--entrypoint", "dpkg-query", images[component])
    debian = docker.must(*words, "--show", "--showformat", "${Package} ${Version}\\n").splitlines()
    assert len([one for one in listed if one.get("purl", "").startswith("pkg:deb/")]) == len(debian)
    assert any(line.startswith("tini ") for line in debian)
    locked = pins.versions(component)
    python = {one for one in found if one.startswith("pkg:pypi/")}
    wanted = {f"pkg:pypi/{name}@{locked[name]}" for name in ("celery", "sqlalchemy", "boto3")}
    assert wanted <= python
    assert len(python) >= len(set(locked) - LEFT_OUT)
