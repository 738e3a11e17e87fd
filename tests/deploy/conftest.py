"""What several of the checks look at: each folder's plan, and the notifier's zip."""

import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from local.archive import pack_room
from tests.deploy import terraform
from tests.deploy.rules import Plan
from tests.deploy.tools import ROOT


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notifier's zip, as `make notifier` makes it."""
    file = tmp_path_factory.mktemp("notifier") / "notifier.zip"
    file.write_bytes(pack_room(ROOT / "notifier"))
    return file


@pytest.fixture(scope="session")
def outcome_of(archive: Path) -> Callable[[str], terraform.Outcome]:
    """Checks a folder of infra/ once a session."""
    return cache(lambda folder: terraform.check(folder, archive))


@pytest.fixture(scope="session")
def plan_of(outcome_of: Callable[[str], terraform.Outcome]) -> Callable[[str], Plan]:
    """The plan of a folder of infra/."""

    def plan(folder: str) -> Plan:
        outcome = outcome_of(folder)
        assert outcome.plan is not None, outcome.output
        return outcome.plan

    return plan


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
