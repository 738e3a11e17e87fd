"""The images, where nothing can build them: what the builds would copy and install, and that what
they start does start, under the same arguments, as nobody, with nothing to write to but /tmp.
"""

import configparser
import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker

from local.database import Dsns, environment_of
from local.ports import HOST
from tests.deploy import dockerfiles
from tests.deploy.dockerfiles import Stage
from tests.deploy.tools import ROOT, find, run_well
from tests.rig import REGION, make_rig, wait_until

ROOMS = {"api", "worker"}
IMAGES = pytest.mark.parametrize("room", sorted(ROOMS))
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}


def stages(room: str) -> tuple[Stage, Stage]:
    build, final = dockerfiles.read(ROOT / f"Dockerfile.{room}")
    return build, final


@IMAGES
def test_hadolint_finds_no_fault(room: str) -> None:
    # The layers of the first stage are thrown away, and the exec form cannot join two commands.
    run_well([find("hadolint"), "--ignore", "DL3059", f"Dockerfile.{room}"])


@IMAGES
def test_every_source_that_is_copied_exists_and_reaches_the_builder(room: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    for stage in stages(room):
        for copy in stage.all("COPY"):
            if copy.rest.startswith("--from="):
                continue
            for source in copy.rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source.split("/")[0] in kept, source


@IMAGES
def test_an_image_has_its_own_room_alone(room: str) -> None:
    copied = {
        source.split("/")[0]
        for stage in stages(room)
        for copy in stage.all("COPY")
        if not copy.rest.startswith("--from=")
        for source in copy.rest.split()[:-1]
    }
    assert {one for one in copied if (ROOT / one).is_dir()} == {room, "schemas"}


@IMAGES
def test_everything_that_is_installed_is_locked(room: str) -> None:
    build, _ = stages(room)
    installs = [one.words() for one in build.all("RUN") if "install" in one.words()]
    # Traces too: whether there are any is said where the image runs, and not where it is built.
    packages = [words for words in installs if f".[{room},otel]" in words]
    assert len(packages) == 1
    assert packages[0][-3:-1] == ["--constraint", "constraints.txt"]
    for words in installs:
        named = [
            word for word in words[2:] if re.match(r"[a-z]", word) and word != "constraints.txt"
        ]
        assert all(re.fullmatch(r"[\w-]+==[\d.]+", word) for word in named), named
    pins = _pins()
    needed = _everything_that_comes_along(room, "otel")
    assert {name for name in needed if name not in pins} == set()
    assert {name: metadata.version(name) for name in needed} == {n: pins[n] for n in needed}


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if "==" in line]
    return {_normal(name): version for name, version in pins}


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
    return _normal(match[1]), extras


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@IMAGES
def test_an_image_runs_as_nobody_and_without_a_shell(room: str) -> None:
    build, final = stages(room)
    user, _, group = final.one("USER").rest.partition(":")
    assert int(user) > 10_000
    assert int(group) > 10_000
    assert final.instructions.index(final.one("USER")) > final.instructions.index(
        final.all("COPY")[-1]
    ), "what is copied must not be the user's own"
    assert final.one("ENTRYPOINT").words()
    assert final.healthcheck()
    for run in build.all("RUN"):
        assert run.words()
    assert final.all("RUN") == []
    assert not any("chown" in copy.rest for copy in final.all("COPY"))


@IMAGES
def test_the_base_is_one_exact_version(room: str) -> None:
    text = (ROOT / f"Dockerfile.{room}").read_text("utf-8")
    base = re.search(r"^ARG PYTHON=(.+)$", text, re.MULTILINE)
    assert base
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base[1])
    assert text.count("FROM ${PYTHON}") == 2


@pytest.fixture
def image(tmp_path: Path) -> Iterator["Image"]:
    """A folder like the image's, which a random user cannot write to."""
    if os.geteuid() != 0:
        pytest.skip("only root may start processes as somebody else")
    find("setpriv")
    made = Image(tmp_path)
    yield made
    made.close()


class Image:
    """Runs what an image runs, from a folder that holds what the image's own holds."""

    def __init__(self, folder: Path) -> None:
        self.uid = random.randint(100_000, 2_000_000_000)
        self.app = Path("/var/tmp") / f"mru-image-{self.uid}"
        self.temporary = folder / "tmp"
        self._log = folder / "output"
        self.app.mkdir(mode=0o755)
        self.temporary.mkdir()
        for parent in (*reversed(self.temporary.parents), self.temporary):
            if parent.stat().st_uid == 0 and parent != Path("/"):
                with contextlib.suppress(PermissionError):
                    parent.chmod(parent.stat().st_mode | 0o711)
        os.chown(self.temporary, self.uid, self.uid)

    def copy(self, room: str) -> None:
        """Installs the rooms as the build does: the code, and what the package says of itself."""
        for name in (room, "schemas"):
            shutil.copytree(ROOT / name, self.app / name, ignore=shutil.ignore_patterns("*.pyc"))
        described = next(ROOT.glob("movies_r_us.egg-info"))
        shutil.copytree(described, self.app / described.name)

    def environment(self, room: str) -> dict[str, str]:
        """What the Dockerfile's ENV says, and where the packages are on this machine."""
        said = stages(room)[1].environment()
        packages = sysconfig.get_paths()["purelib"]
        return {
            **{name: value for name, value in said.items() if name not in {"PATH", "HOME"}},
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self.temporary),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": f"{self.app}:{packages}",
        }

    @contextlib.contextmanager
    def running(self, command: list[str], environment: dict[str, str]) -> Iterator[None]:
        """Runs a command as nobody in particular; it has to end well at SIGTERM."""
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [*self._as_nobody(), *command],
                cwd=self.app,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
            assert process.poll() is None, self.output()
        finally:
            process.terminate()
            code = process.wait(60)
        assert code == 0, self.output()

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """Runs a command to its end and returns its code."""
        words = [*self._as_nobody(), *command]
        done = subprocess.run(words, cwd=self.app, env=environment, check=False)
        return done.returncode

    def _as_nobody(self) -> list[str]:
        """The user may read what anybody could in an image, wherever Python lies; not write."""
        who = [f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
        caps = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]
        return ["setpriv", *who, *caps, "--no-new-privs"]

    def output(self) -> str:
        return self._log.read_text("utf-8", errors="replace")

    def written(self) -> set[str]:
        """Returns what the user wrote outside of its /tmp."""
        return {str(f) for f in self.app.rglob("*") if f.stat().st_uid == self.uid}

    def close(self) -> None:
        shutil.rmtree(self.app)


def test_the_apis_entry_point_runs_as_nobody_and_writes_nothing(
    image: Image, database: Dsns, free_port: int
) -> None:
    image.copy("api")
    final = stages("api")[1]
    environment = {
        **image.environment("api"),
        **environment_of(database.api),
        **AWS,
        "MRU_QUEUE_URL": "http://127.0.0.1:9/1/imports",
        "MRU_BUCKETS": "movies-r-us",
        "MRU_NOTIFICATION_SECRET": "a-secret-of-the-tests-0123456789abcdef",
        "MRU_API_BIND": f"{HOST}:{free_port}",
        "WEB_CONCURRENCY": "1",
    }
    command = [word.replace("/app", str(image.app)) for word in final.one("ENTRYPOINT").words()]
    with image.running(command, environment):
        wait_until("the API answers", lambda: _answers(f"http://{HOST}:{free_port}/health/ready"))
        check = [word.replace(":8080", f":{free_port}") for word in final.healthcheck()]
        assert image.run(check, environment) == 0
    assert image.written() == set()


def test_the_workers_entry_point_runs_as_nobody_and_writes_nothing(
    image: Image, database: Dsns, aws: str, tmp_path: Path
) -> None:
    image.copy("worker")
    final = stages("worker")[1]
    heartbeat = image.temporary / "heartbeat"
    with make_rig(int(aws.rpartition(":")[2]), tmp_path) as rig:
        environment = {
            **image.environment("worker"),
            **environment_of(database.worker),
            **AWS,
            "AWS_ENDPOINT_URL": aws,
            "MRU_QUEUE_URL": rig.queue_url,
            "MRU_WAIT_TIME_SECONDS": "1",
            "MRU_HEARTBEAT_FILE": str(heartbeat),
        }
        command = [*final.one("ENTRYPOINT").words(), *final.one("CMD").words()]
        check = final.healthcheck()
        assert image.run(check, environment) == 1, "it is well before it has begun"
        with image.running(command, environment):
            wait_until("the worker has asked its queue", heartbeat.exists)
            assert image.run(check, environment) == 0
    assert image.written() == set()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
