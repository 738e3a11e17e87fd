"""Runs tests of migrations, commands and pages against the installed wheel: `make installed`.

They run in a folder that holds the tests and none of the components, so that whatever a test or a
process of its own imports comes from the wheel.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.artefact.wheel import build, copy_sources, copy_tracked, install

# What needs files beside the code: scripts of alembic, templates, entry points.
SUITES: Final = (
    "tests/artefact/check_place.py",
    "tests/integration/test_migrations.py",
    "tests/integration/test_preparing.py",
    "tests/integration/commands",
    "tests/integration/test_api_pages.py",
    "tests/integration/test_api_import_page.py",
    "tests/unit/api/pages",
    "tests/unit/api/test_docs.py",
    "tests/unit/worker/test_commands.py",
    "tests/unit/worker/test_unset.py",
)
_BESIDE: Final = ("tests", "samples", "pyproject.toml", "docs/operations.md")


def main() -> int:
    """Builds, installs and tests. Returns pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="mru-installed-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # Postgres runs as somebody else where this is root
        copy_sources(root / "sources")
        wheel = build(root / "sources", root / "wheels")
        python = install(wheel, root / "venv")
        copy_tracked(root / "run", *_BESIDE)
        options = ["--numprocesses", os.environ.get("TESTS_AT_A_TIME", "4"), "--dist", "worksteal"]
        print(f"testing {wheel.name}, installed", flush=True)
        command = [python, "-m", "pytest", *options, *SUITES, *sys.argv[1:]]
        environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
        return subprocess.run(command, cwd=root / "run", env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
