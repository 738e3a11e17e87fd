"""K1: who acts by hand, as the runbook has it, does not stand in the way of a release."""

import re
from pathlib import Path

from tests.cluster.conftest import ReleaseMaker
from tests.cluster.release import INSTALLATION, RUNBOOK, Release

NEW = {"images": {"worker": {"tag": "0.2.0"}}}
WORKER = "deployment/movies-r-us-worker"


def test_upgrade_and_rollback_succeed_after_an_operator_came_and_workers_were_scaled_by_hand(
    either_helm: Path, make_release: ReleaseMaker
) -> None:
    release = make_release(either_helm)
    release.begin()
    before = release.images()
    operator = an_operator_comes(release)
    release.well(release.kubectl("scale", WORKER, "--replicas=5"))

    release.well(release.upgrade(INSTALLATION, NEW))
    assert release.images() == before | {"movies-r-us-worker": "0.2.0"}
    assert operator in uids(release), "the operator's pod was ended"

    release.well(release.kubectl("scale", WORKER, "--replicas=4"))
    release.well(release.rollback(1))
    assert release.images() == before
    assert operator in uids(release), "the operator's pod was ended"
    release.wait_for_ready(3)


def test_workers_that_were_stopped_by_hand_stay_so_through_an_upgrade(
    helm4: Path, make_release: ReleaseMaker
) -> None:
    """As docs/runbook.md has it for a restored database; they come back by the same command."""
    release = make_release(helm4)
    release.begin()
    release.well(release.kubectl("scale", WORKER, "--replicas=0"))
    release.well(release.upgrade(INSTALLATION, NEW))
    assert release.pods("worker") == []
    release.well(release.kubectl("scale", WORKER, "--replicas=1"))
    release.wait_for_ready(3)


def an_operator_comes(release: Release) -> str:
    """Does what the runbook begins with, up to the commands themselves; returns the pod's uid."""
    for line in lines_before_the_first_command():
        shell = f'mru() {{ "$0" --namespace {release.namespace} "$@"; }}; {line}'
        release.well(release._run(["sh", "-c", shell, release.kubectl_program], None))
    release.wait_for("an operator's pod", lambda: bool(uids(release)))
    (uid,) = uids(release)
    return uid


def lines_before_the_first_command() -> list[str]:
    block = re.search(r"```\n(alias mru=.*?)```", RUNBOOK.read_text("utf-8"), re.DOTALL)
    assert block, "the runbook has no commands of its own"
    lines = [line for line in block[1].splitlines() if line.startswith("mru ")]
    first = next(number for number, line in enumerate(lines) if line.startswith("mru exec"))
    assert first > 0
    return lines[:first]


def uids(release: Release) -> set[str]:
    """Returns which pods of operators run now."""
    return {
        one["metadata"]["uid"]
        for one in release.pods("operator")
        if one["status"]["phase"] == "Running"
    }
