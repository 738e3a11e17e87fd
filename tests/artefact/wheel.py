"""The wheel, built from a copy that holds what git tracks and nothing else, and installed alone.

What a developer's folder has beside that (an editable install, files that are not committed) hides
what a wheel lacks.
"""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
COMPONENTS: Final = ("api", "local", "notifier", "schemas", "worker")
_DESCRIPTION: Final = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
_DIST_INFO: Final = ".dist-info/"


def tracked(*folders: str) -> set[str]:
    """Returns the files below some folders that git tracks.

    Raises CalledProcessError outside a checkout.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def copy_tracked(folder: Path, *places: str) -> None:
    """Copies tracked files, as they are now, into an empty folder."""
    for name in tracked(*places):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)


def copy_sources(folder: Path) -> None:
    """Copies what a wheel is built from."""
    copy_tracked(folder, *COMPONENTS, *_DESCRIPTION)


def build(sources: Path, folder: Path) -> Path:
    """Builds the wheel of some sources, with nothing downloaded, and returns it."""
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    _pip("wheel", *options, "--wheel-dir", str(folder), str(sources))
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(wheel: Path) -> set[str]:
    """Returns the files of a wheel, without what describes the package itself."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if _DIST_INFO not in name}


def install(wheel: Path, folder: Path) -> Path:
    """Makes an environment that has the wheel and this environment's dependencies.

    Returns its Python. The dependencies are found by path, which reads no .pth file there: an
    editable install of the project, which is such a file, stays out.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    options = ["--no-deps", "--no-index", "--quiet"]
    _pip("--python", str(python), "install", *options, str(wheel))
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    dependencies = Path(paths["purelib"]) / "dependencies.pth"
    dependencies.write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    # Celery itself is a dependency: pip would have written its command beside this Python.
    command = folder / "bin" / "celery"
    command.write_text(
        f"#!{python}\nimport sys\nfrom celery.__main__ import main\nsys.exit(main())\n",
        encoding="utf-8",
    )
    command.chmod(0o755)
    return python


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"pip {' '.join(words)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
