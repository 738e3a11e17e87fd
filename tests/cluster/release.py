"""A release of the chart in a namespace of its own, and those who act on it: helm, kubectl, and
stand-ins for the operators that do not run here.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.cluster.plane import Plane
from tests.deploy.tools import CHART as OURS

# Another chart, to see the tests fail: one of an older commit, in a tree of its own.
CHART: Final = Path(os.environ.get("MRU_CHART", OURS))
RUNBOOK: Final = CHART.parents[1] / "docs" / "runbook.md"
NAME: Final = "movies-r-us"
DEPLOYMENTS: Final = ("movies-r-us-api", "movies-r-us-worker")
# What infra/ would say of an installation.
INSTALLATION: Final[dict[str, Any]] = {
    "region": "eu-west-1",
    "images": {"registry": "registry.example.com/movies"},
    "database": {"host": "database.example.com"},
    "queue": {"url": "https://sqs.eu-west-1.amazonaws.com/111122223333/imports"},
    "buckets": ["movies-111122223333"],
}
SECRETS: Final = {
    "movies-r-us-api-database": ["password"],
    "movies-r-us-worker-database": ["password"],
    "movies-r-us-notification": ["secret"],
    "movies-r-us-migration": ["username", "password", "migrator", "worker", "api"],
}
_SECONDS: Final = 120

Document = dict[str, Any]
Done = subprocess.CompletedProcess[str]


@dataclasses.dataclass(frozen=True)
class Release:
    """One namespace; helm and kubectl act in it."""

    plane: Plane
    kubectl_program: Path
    helm_program: Path
    namespace: str
    folder: Path
    region: str = "eu-west-1"

    def kubectl(self, *words: str, stdin: str | None = None) -> Done:
        return self._run([self.kubectl_program, "--namespace", self.namespace, *words], stdin)

    def helm(self, *words: str | Path) -> Done:
        return self._run([self.helm_program, "--namespace", self.namespace, *words], None)

    def well(self, done: Done) -> str:
        """Returns what a program printed, which must have succeeded."""
        assert done.returncode == 0, f"{done.args}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def _run(self, command: list[str | Path], stdin: str | None) -> Done:
        environment = dict(os.environ) | {"KUBECONFIG": str(self.plane.kubeconfig)}
        return subprocess.run(
            [str(word) for word in command],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def install(self, *values: Document, options: tuple[str, ...] = ("--wait",)) -> Done:
        return self._apply("install", values, options)

    def upgrade(self, *values: Document, options: tuple[str, ...] = ("--wait",)) -> Done:
        return self._apply("upgrade", values, options)

    def _apply(self, verb: str, values: tuple[Document, ...], options: tuple[str, ...]) -> Done:
        here = {"nodeSelector": {"topology.kubernetes.io/region": self.region}}
        files: list[str | Path] = []
        for number, one in enumerate((here, *values)):
            path = self.folder / f"{number}.json"
            path.write_text(json.dumps(one))
            files += ["--values", path]
        return self.helm(verb, NAME, CHART, *files, "--timeout", "4m", *options)

    def rollback(self, revision: int) -> Done:
        return self.helm("rollback", NAME, str(revision), "--wait", "--timeout", "3m")

    def get(self, *words: str) -> Document:
        found: Document = json.loads(self.well(self.kubectl("get", *words, "-o", "json")))
        return found

    def pods(self, component: str) -> list[Document]:
        """Returns the pods of a component that are not on their way out."""
        selector = f"app.kubernetes.io/component={component}"
        items: list[Document] = self.get("pods", "--selector", selector)["items"]
        return [one for one in items if "deletionTimestamp" not in one["metadata"]]

    def ready(self, deployment: str) -> int:
        """Returns how many pods are ready now."""
        return int(self.get("deployment", deployment)["status"].get("readyReplicas", 0))

    def images(self) -> dict[str, str]:
        """Returns the tag that each deployment's pods are to have."""
        found = {}
        for one in DEPLOYMENTS:
            spec = self.get("deployment", one)["spec"]["template"]["spec"]
            found[one] = spec["containers"][0]["image"].rpartition(":")[2]
        return found

    def wait_for(self, what: str, holds: Callable[[], bool], seconds: float = _SECONDS) -> None:
        """Asks until it is so."""
        last = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < last, f"not within {seconds:.0f} s: {what}"
            time.sleep(1)

    def wait_for_ready(self, number: int, *deployments: str) -> None:
        """Waits until exactly so many pods are wanted and ready."""
        for one in deployments or DEPLOYMENTS:
            number_of = f"jsonpath={{.status.readyReplicas}}={number}"
            done = self.kubectl("wait", f"deployment/{one}", "--for", number_of, "--timeout=2m")
            self.well(done)

    def begin(self, *values: Document) -> None:
        """Makes the Secrets and installs the release, with values that differ from the usual."""
        self.make_secrets()
        self.well(self.install(INSTALLATION, *values))

    def make_secrets(self) -> None:
        """Makes what the pods read, as an administrator without an operator would."""
        for name, keys in SECRETS.items():
            literals = [f"--from-literal={key}=word" for key in keys]
            self.well(self.kubectl("create", "secret", "generic", name, *literals))

    @contextlib.contextmanager
    def watching(self, deployment: str) -> Iterator[list[int]]:
        """Collects how many pods were ready, at each change of a deployment."""
        seen: list[int] = []
        first = threading.Event()

        def collect(line: str) -> None:
            seen.append(int(line or 0))
            first.set()

        fields = 'jsonpath={.status.readyReplicas}{"\\n"}'
        with self._watch(["deployment", deployment], fields, collect):
            assert first.wait(_SECONDS), f"{deployment} is not to be seen"
            yield seen

    @contextlib.contextmanager
    def external_secrets_operator(self) -> Iterator[None]:
        """Makes the Secret of each ExternalSecret, as the operator does: owned by it."""
        fields = 'jsonpath={.metadata.name}{"\\n"}'
        with self._watch(["externalsecrets"], fields, self._make_owned):
            yield

    @contextlib.contextmanager
    def _watch(self, what: list[str], fields: str, act: Callable[[str], None]) -> Iterator[None]:
        """Acts on each change, until the caller is done."""
        words = ["--namespace", self.namespace, "get", *what, "--watch", "-o", fields]
        with subprocess.Popen(
            [self.kubectl_program, *words],
            env=dict(os.environ) | {"KUBECONFIG": str(self.plane.kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            lines = process.stdout
            assert lines is not None
            thread = threading.Thread(target=lambda: [act(line.strip()) for line in lines])
            thread.start()
            try:
                yield
            finally:
                process.terminate()
                thread.join()

    def _make_owned(self, name: str) -> None:
        """Makes one Secret. What an owner before it left has to be collected first."""
        for _ in range(_SECONDS):
            done = self.kubectl("get", "externalsecret", name, "-o", "json")
            if done.returncode:
                return  # it is gone
            external = json.loads(done.stdout)
            uid = external["metadata"]["uid"]
            if self.kubectl("create", "-f", "-", stdin=_secret_of(external)).returncode == 0:
                return
            owner = self.kubectl(
                *("get", "secret", external["spec"]["target"]["name"], "--ignore-not-found"),
                *("-o", "jsonpath={.metadata.ownerReferences[0].uid}"),
            ).stdout
            if owner == uid:
                return
            time.sleep(1)

    def play_keda(self) -> None:
        """Makes the autoscaler of the ScaledObject, as KEDA does: owned by it."""
        scaled = self.get("scaledobject", "movies-r-us-worker")
        spec = scaled["spec"]
        autoscaler = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {
                "name": "keda-hpa-movies-r-us-worker",
                "ownerReferences": [_owner(scaled)],
            },
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", **_without(spec["scaleTargetRef"])},
                "minReplicas": spec["minReplicaCount"],
                "maxReplicas": spec["maxReplicaCount"],
            },
        }
        self.well(self.kubectl("create", "-f", "-", stdin=json.dumps(autoscaler)))


def _without(reference: Document) -> Document:
    return {key: reference[key] for key in ("kind", "name")}


def _owner(document: Document) -> Document:
    metadata = document["metadata"]
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }


def _secret_of(external: Document) -> str:
    name = external["spec"]["target"]["name"]
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "ownerReferences": [_owner(external)]},
            "stringData": {one["secretKey"]: "word" for one in external["spec"]["data"]},
        }
    )
