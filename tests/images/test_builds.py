"""Both images, built as committed: they hold what they need, and little else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.artefact.wheel import tracked
from tests.images import docker
from tests.images.docker import size_mb

IMAGES = pytest.mark.parametrize("component", ["api", "worker"])
# Measured 209 and 225 MB, of which the base has 128; the official base differs by some.
SIZE_MB_MAX = {"api": 240, "worker": 260}

LISTING = """
import importlib.metadata, json, os, pwd, sys, sysconfig
from pathlib import Path
packages = Path(sysconfig.get_paths()["purelib"])
components = ("api", "worker", "schemas", "notifier", "local", "tests")
files = [path for name in components for path in (packages / name).rglob("*") if path.is_file()]
print(json.dumps({
    "user": pwd.getpwuid(os.getuid()).pw_name,
    "files": [str(path.relative_to(packages)) for path in files if path.suffix != ".pyc"],
    "packages": sorted(each.name for each in importlib.metadata.distributions()),
    "models": sorted(path.name for path in (packages / "botocore/data").iterdir() if path.is_dir()),
    "pip": [str(path) for path in Path("/").glob("usr/**/pip/__init__.py")],
    "writable": [str(path) for path in packages.rglob("*") if os.access(path, os.W_OK)][:5],
}))
"""


@pytest.fixture(scope="session")
def listings(images: dict[str, str]) -> dict[str, dict[str, Any]]:
    words = ("run", "--rm", "--entrypoint", "python")
    return {
        component: json.loads(docker.must(*words, image, "-c", LISTING))
        for component, image in images.items()
    }


@IMAGES
def test_an_image_holds_its_component_and_the_schemas_whole_and_nothing_of_the_others(
    listings: dict[str, dict[str, Any]], component: str
) -> None:
    assert set(listings[component]["files"]) == tracked(component, "schemas")


@IMAGES
def test_an_image_holds_nothing_that_only_installs_or_builds_or_prompts(
    listings: dict[str, dict[str, Any]], component: str
) -> None:
    found = listings[component]
    packages = {name.lower().replace("_", "-") for name in found["packages"]}
    needless = {"pip", "setuptools", "wheel", "click-repl", "prompt-toolkit", "wcwidth", "pytest"}
    assert packages & needless == set()
    assert found["pip"] == []
    assert found["models"] == ["s3", "sqs", "sts"]


@IMAGES
def test_an_image_runs_as_a_named_user_who_owns_nothing(
    listings: dict[str, dict[str, Any]], component: str
) -> None:
    assert listings[component]["user"] == "mru"
    assert listings[component]["writable"] == []


@IMAGES
def test_an_image_is_small(images: dict[str, str], component: str) -> None:
    size = size_mb(images[component])
    print(f"\n{images[component]}: {size:.0f} MB")
    assert size < SIZE_MB_MAX[component]


def test_every_service_that_the_code_uses_has_its_model_in_the_images(
    images: dict[str, str],
) -> None:
    made = "import boto3; [boto3.client(name, region_name='eu-west-1') for name in ('s3', 'sqs')]"
    for image in images.values():
        docker.must("run", "--rm", "--entrypoint", "python", image, "-c", made)


def test_the_celery_command_of_the_image_has_all_that_operators_type(
    images: dict[str, str],
) -> None:
    words = ("run", "--rm", images["worker"], "imports", "--help")
    assert "backfill" in docker.must(*words)


@IMAGES
def test_no_secret_and_no_way_to_a_registry_stands_in_an_images_history(
    images: dict[str, str], component: str
) -> None:
    words = ("history", "--no-trunc", "--format", "{{.CreatedBy}}")
    history = docker.must(*words, images[component])
    assert "PASS" not in history
    assert "SECRET" not in history
    assert "--index-url" not in history


@IMAGES
def test_an_image_that_is_told_nothing_ends_with_one_line_that_names_a_setting(
    images: dict[str, str], component: str
) -> None:
    done = docker.run("run", "--rm", images[component])
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "Traceback" in line]
    assert lines == []
    assert done.returncode not in {0, 137, 139}
    assert "is not set" in done.stdout + done.stderr


def test_the_migration_that_is_told_nothing_ends_with_one_line_that_names_a_setting(
    images: dict[str, str],
) -> None:
    command = ("--entrypoint", "python", images["worker"], "-m", "worker.prepare")
    done = docker.run("run", "--rm", *command)
    assert done.returncode not in {0, 137, 139}
    assert done.stderr.count("\n") == 1
    assert "MRU_DB_HOST is not set" in done.stderr


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ((), r"Failed to fetch \S+debian\S+  Temporary failure resolving"),
        (("--target", "build"), r"Failed to establish a new connection.*/simple/"),
    ],
    ids=["Debian", "PyPI"],
)
def test_a_build_without_a_network_says_what_it_could_not_reach(
    clone: Path, target: tuple[str, ...], reason: str
) -> None:
    words = ("buildx", "build", "--no-cache", "--network", "none", "--progress", "plain", *target)
    done = docker.run(*words, "--file", "Dockerfile.worker", ".", cwd=clone)
    assert done.returncode != 0
    assert re.search(reason, done.stdout + done.stderr)
