"""The Dockerfiles, read: what they copy and install. tests/images builds them and runs what they
make, where there is an engine.
"""

import configparser
import re
from importlib import metadata

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from tests import pins
from tests.deploy import dockerfiles
from tests.deploy.dockerfiles import Stage
from tests.deploy.tools import ROOT, find, run_well

COMPONENTS = {"api", "worker"}
IMAGES = pytest.mark.parametrize("component", sorted(COMPONENTS))


def stages(component: str) -> tuple[Stage, Stage]:
    build, final = dockerfiles.read(ROOT / f"Dockerfile.{component}")
    return build, final


def sources(component: str) -> set[str]:
    """Returns what a Dockerfile copies out of the project."""
    copies = [copy for stage in stages(component) for copy in stage.all("COPY")]
    kept = [copy for copy in copies if not copy.rest.startswith("--from=")]
    return {source for copy in kept for source in copy.rest.split()[:-1]}


@IMAGES
def test_hadolint_finds_no_fault(component: str) -> None:
    # The layers of the first stage are thrown away, and the newest patch of tini is wanted.
    run_well(
        [find("hadolint"), "--ignore", "DL3059", "--ignore", "DL3008", f"Dockerfile.{component}"]
    )


@IMAGES
def test_every_source_that_is_copied_exists_and_reaches_the_builder(component: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    for source in sources(component):
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in kept, source


@IMAGES
def test_an_image_has_its_own_component_alone(component: str) -> None:
    folders = {one.split("/")[0] for one in sources(component) if (ROOT / one).is_dir()}
    assert folders == {component, "schemas"}


@IMAGES
def test_everything_that_is_installed_is_locked(component: str) -> None:
    build, _ = stages(component)
    installs = [one.words() for one in build.all("RUN") if one.rest.startswith("[")]
    installs = [words for words in installs if "install" in words]
    packages, ours = installs
    assert "--require-hashes" in packages
    # What pip builds itself it builds with packages that no hash holds.
    assert packages[packages.index("--only-binary") + 1] == ":all:"
    files = {word for word in packages if word.endswith(".txt")}
    assert files == {"requirements/build.txt", f"requirements/{component}.txt"}
    assert {"--no-deps", "--no-index", "--no-build-isolation"} <= set(ours)
    # Traces too: whether there are any is said where the image runs, and not where it is built.
    locked = pins.versions(component)
    needed = _everything_that_comes_along(component, "otel")
    assert {name for name in needed if name not in locked} == set()
    assert {name: metadata.version(name) for name in needed} == {n: locked[n] for n in needed}


def _everything_that_comes_along(*extras: str) -> set[str]:
    """Returns what pip would install for extras, by what the installed packages say they need."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = [setup["options"]["install_requires"]]
    wanted += [setup["options.extras_require"][extra] for extra in extras]
    lines = "\n".join(wanted).split("\n")
    found: set[str] = set()
    waiting = [_name_and_extras(line) for line in lines if line.strip()]
    while waiting:
        name, chosen = waiting.pop()
        found.add(name)
        for requirement in metadata.requires(name) or []:
            text, _, marker = requirement.partition(";")
            if _applies(marker, chosen):
                needed = _name_and_extras(text)
                if needed[0] not in found or needed[1]:
                    waiting.append(needed)
    return found


def _applies(marker: str, extras: frozenset[str]) -> bool:
    if not marker.strip():
        return True
    return any(Marker(marker).evaluate({"extra": extra}) for extra in extras | {""})


def _name_and_extras(requirement: str) -> tuple[str, frozenset[str]]:
    match = re.match(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?", requirement)
    assert match
    extras = frozenset(part.strip() for part in (match[2] or "").split(",") if part.strip())
    return canonicalize_name(match[1]), extras


@IMAGES
def test_an_image_runs_as_nobody_and_without_a_shell(component: str) -> None:
    _, final = stages(component)
    user, _, group = final.one("USER").rest.partition(":")
    assert int(user) > 10_000
    assert int(group) > 10_000
    assert final.instructions.index(final.one("USER")) > final.instructions.index(
        final.all("COPY")[-1]
    ), "what is copied must not be the user's own"
    # Its first process passes signals on from the first moment; tests/images sends them.
    assert final.one("ENTRYPOINT").words()[:2] == ["tini", "--"]
    assert final.healthcheck()
    assert not any("chown" in copy.rest for copy in final.all("COPY"))


@IMAGES
def test_the_base_is_the_newest_patch_of_one_python_and_one_debian(component: str) -> None:
    text = (ROOT / f"Dockerfile.{component}").read_text("utf-8")
    base = re.search(r"^ARG PYTHON=(.+)$", text, re.MULTILINE)
    assert base
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base[1])
    assert text.count("FROM ${PYTHON}") == 2
    # Whatever that names would be fetched for every build, and nothing here needs it.
    assert "syntax=" not in text
