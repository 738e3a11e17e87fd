"""What others' programs run in: an environment of their own under .local, installed once."""

import shutil
import subprocess
import venv
from pathlib import Path
from typing import Final

from bench.errors import BenchError
from bench.plan import ROOT

_INSTALL_SECONDS: Final = 600


def install_apart(name: str, version: str, *, extra: str = "") -> Path:
    """Returns the folder of a package's programs, after installing it where it is missing.

    Raises BenchError where that fails.
    """
    home = ROOT / ".local" / f"bench-{name}"
    programs, done = home / "bin", home / f"{name}-{version}"
    if done.exists():
        return programs
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    log = home / "install.log"
    words = ["-m", "pip", "install", "--quiet", f"{name}{extra}=={version}"]
    with log.open("wb") as output:
        try:
            subprocess.run(
                [programs / "python", *words],
                stdout=output,
                stderr=output,
                timeout=_INSTALL_SECONDS,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise BenchError(
                f"{name} {version} could not be installed; see {log.relative_to(ROOT)}."
            ) from error
    done.touch()
    return programs
