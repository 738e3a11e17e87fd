"""The control plane that the chart is tried on: real, on loopback, with simulated nodes.

The folder `cluster-offline` beside the project builds it from Go's modules and starts it. No
container runs: a simulated kubelet reports pods as ready after the seconds that were measured.
MRU_CLUSTER=existing takes the cluster of KUBECONFIG instead.
"""

import contextlib
import dataclasses
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.deploy.tools import ROOT

_OFFLINE: Final = ROOT.parent / "shared" / "tools" / "cluster-offline" / "cluster"
_CACHE: Final = Path.home() / ".cache" / "cluster-offline"
# Each region's nodes, in each of its zones. The first has room for all tests at a time; the others
# are for the one that fills a zone and the one that loses a zone.
REGIONS: Final = {"eu-west-1": "2x48x192Gi", "eu-west-2": "2x4x16Gi", "eu-west-3": "2x4x16Gi"}
_NODES: Final = [f"{region}{zone}={nodes}" for region, nodes in REGIONS.items() for zone in "abc"]
# A lost zone is noticed and emptied sooner than by Kubernetes' defaults, which take two minutes.
_MANAGER_FLAGS: Final = "--node-monitor-grace-period=20s --node-eviction-rate=10"
# What `cluster` listens on, from its PORT on.
_PORTS: Final = (0, 1, 2, 3, 10, 11)


class NoPlaneError(Exception):
    """There is no control plane to be had here; the message says why."""


@dataclasses.dataclass(frozen=True)
class Plane:
    """A running control plane. `state` is the simulated nodes' folder, where they are ours."""

    kubeconfig: Path
    programs: Path | None = None
    state: Path | None = None

    def environment(self) -> dict[str, str]:
        """What another process has to know to use it: see `running`."""
        names = {"KUBECONFIG": self.kubeconfig, "MRU_CLUSTER": "existing"}
        optional = {"MRU_CLUSTER_PROGRAMS": self.programs, "MRU_CLUSTER_STATE": self.state}
        return {name: str(value) for name, value in (names | optional).items() if value}


@contextlib.contextmanager
def running() -> Iterator[Plane]:
    """Takes the cluster that the environment names, or starts one. Raises NoPlaneError."""
    if os.environ.get("MRU_CLUSTER") == "existing":
        yield _existing()
        return
    _check_what_is_needed()
    _build()
    with tempfile.TemporaryDirectory(prefix="mru-cluster-") as folder, _started(Path(folder)) as it:
        yield it


def _existing() -> Plane:
    if not os.environ.get("KUBECONFIG"):
        raise NoPlaneError("MRU_CLUSTER=existing, but KUBECONFIG names no cluster")
    programs, state = (os.environ.get(f"MRU_CLUSTER_{name}") for name in ("PROGRAMS", "STATE"))
    return Plane(
        Path(os.environ["KUBECONFIG"]),
        Path(programs) if programs else None,
        Path(state) if state else None,
    )


def _check_what_is_needed() -> None:
    if not _OFFLINE.exists():
        raise NoPlaneError(
            "no cluster-offline beside the project: set MRU_CLUSTER=existing and KUBECONFIG"
        )
    missing = [name for name in ("go", "openssl", "curl") if shutil.which(name) is None]
    if missing and not (_CACHE / "bin" / "kube-scheduler").exists():
        raise NoPlaneError(f"cluster-offline needs {', '.join(missing)}")


def _build() -> None:
    _CACHE.parent.mkdir(parents=True, exist_ok=True)
    with _CACHE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_CACHE / "bin" / "etcd").exists():
            print("check-cluster: building Kubernetes takes about ten minutes, once", flush=True)
        started = time.monotonic()
        done = subprocess.run(
            [_OFFLINE, "build"], capture_output=True, text=True, env=_environment(), check=False
        )
        if done.returncode:
            raise NoPlaneError(f"the control plane does not build: {done.stderr[-2000:]}")
        print(f"check-cluster: built in {time.monotonic() - started:.0f} s", flush=True)


@contextlib.contextmanager
def _started(run: Path) -> Iterator[Plane]:
    environment = _environment() | {
        "RUN": str(run / "run"),
        "PORT": str(_free_port()),
        "MANAGER_FLAGS": _MANAGER_FLAGS,
    }
    command = [_OFFLINE, "up", *_NODES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise NoPlaneError(f"the control plane does not start: {done.stdout}{done.stderr}")
        yield Plane(run / "run" / "kubeconfig", _CACHE / "bin", run / "run" / "state")
    finally:
        subprocess.run([_OFFLINE, "down"], env=environment, check=True)


def _environment() -> dict[str, str]:
    return dict(os.environ) | {"CACHE": str(_CACHE)}


def _free_port() -> int:
    """A port that nobody listens on, nor on those that go with it."""
    for port in range(26443, 29000, 20):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for offset in _PORTS:
                listener = stack.enter_context(socket.socket())
                listener.bind(("127.0.0.1", port + offset))
            return port
    raise NoPlaneError("no free ports for a control plane")


def main(arguments: list[str]) -> int:
    """Runs a command with the control plane in its environment: several processes share one."""
    # A runner that is ended stops what it started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with running() as plane:
            environment = dict(os.environ) | plane.environment()
            return subprocess.run(arguments, env=environment, check=False).returncode
    except NoPlaneError as error:
        print(f"check-cluster: {error}", flush=True)
        return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
