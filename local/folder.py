"""The folder in which a stack keeps its data, and how to get rid of them."""

import shutil
from pathlib import Path
from typing import Final

from local.lock import hold_lock
from local.postgres import Postgres

_POSTGRES: Final = "postgres"


def postgres_folder(folder: Path) -> Path:
    """Returns where the stack's own Postgres is asked to keep its data."""
    return folder / _POSTGRES


def wipe(folder: Path, *, keep: str | None = None) -> None:
    """Removes a stack's folder, its Postgres wherever that lies, but for one name in the folder."""
    folder.mkdir(parents=True, exist_ok=True)  # where Postgres lies depends on who may enter it
    # For root the data lie elsewhere, where Postgres' own account can reach them.
    shutil.rmtree(Postgres(postgres_folder(folder)).home, ignore_errors=True)
    for path in folder.iterdir():
        if path.name == keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def forget(folder: Path) -> None:
    """Removes all data of the stack and of the demo. Raises AlreadyRunningError while one runs."""
    demo = folder / "demo"
    with hold_lock(folder / "lock"), hold_lock(demo.with_suffix(".lock")):
        wipe(demo)
        wipe(folder)
