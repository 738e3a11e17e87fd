"""A Docker engine to build and run with, and the base images that the builds start from.

Where there is no engine, one is made from packages, if the project was given the means beside it.
Base images come from their registry, or are stand-ins that those means make.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.images import docker

ROOT: Final = Path(__file__).parents[2]
_OFFLINE: Final = ROOT.parent / "shared" / "tools" / "containers-offline"
_BASE: Final = re.compile(
    r"^(?:ARG PYTHON=|\s*FROM |\s*image: )((?:python|postgres):\S+)", re.MULTILINE
)


def base_images() -> list[str]:
    """Returns the images of others that the Dockerfiles and docker-compose.yml name."""
    files = ("Dockerfile.api", "Dockerfile.worker", "docker-compose.yml")
    texts = [(ROOT / file).read_text("utf-8") for file in files]
    return sorted({base for text in texts for base in _BASE.findall(text)})


def need_engine() -> None:
    """Returns when an engine answers, with BuildKit, compose and the base images; or skips."""
    if _answers() and all(_has(image) for image in base_images()):
        return
    if _OFFLINE.exists() and os.geteuid() == 0:
        done = subprocess.run(
            [_OFFLINE, *base_images()], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"no Docker engine could be made: {done.stdout.strip()[-500:]}")
    if not _answers():
        pytest.skip("no Docker engine with buildx and compose answers here")
    for image in base_images():
        if not _has(image) and (failed := docker.run("pull", "--quiet", image)).returncode != 0:
            pytest.skip(f"{image} could not be pulled: {failed.stderr.strip()[-300:]}")


def _answers() -> bool:
    try:
        questions = (("version",), ("buildx", "version"), ("compose", "version"))
        return all(docker.run(*question).returncode == 0 for question in questions)
    except FileNotFoundError:
        return False


def _has(image: str) -> bool:
    return docker.run("image", "inspect", image).returncode == 0
