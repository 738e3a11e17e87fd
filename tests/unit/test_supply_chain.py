"""What runs on other people's machines is named by what it is: no tag that somebody may move."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EVERY_WORKFLOW = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
_USE: Final = re.compile(r"^ *(?:- )?uses: (\S+?)@(\S+)(?: # (\S+))?$", re.MULTILINE)
# Which files each of Renovate's managers looks after.
_MANAGED: Final = {
    "pip-compile": "requirements/*.txt",
    "dockerfile": "Dockerfile*",
    "docker-compose": "docker-compose*.yml",
    "github-actions": ".github/workflows/*.yml",
    "terraform": "infra/**/*.tf",
    "helm-values": "charts/*/values.yaml",
    "helmv3": "charts/*/Chart.yaml",
    "npm": "requirements/package.json",
}


def read(file: Path) -> dict[str, Any]:
    document: dict[Any, Any] = yaml.safe_load(file.read_text("utf-8"))
    return {"on" if name is True else name: value for name, value in document.items()}


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in read(file)["jobs"].values() for step in job["steps"]]


@EVERY_WORKFLOW
def test_every_action_is_named_by_its_commit_with_the_version_beside_it(file: Path) -> None:
    uses = _USE.findall(file.read_text("utf-8"))
    assert len(uses) == sum("uses" in step for step in steps(file)) > 0
    for action, commit, version in uses:
        assert re.fullmatch(r"[0-9a-f]{40}", commit), action
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version), action


def test_each_action_has_one_commit() -> None:
    uses = {use for file in WORKFLOWS for use in _USE.findall(file.read_text("utf-8"))}
    assert len({action for action, _, _ in uses}) == len(uses)


@EVERY_WORKFLOW
def test_no_job_may_write_or_keeps_the_token(file: Path) -> None:
    document = read(file)
    assert document["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in document["jobs"].values())
    assert "pull_request_target" not in document["on"]
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@EVERY_WORKFLOW
def test_every_job_ends_by_itself(file: Path) -> None:
    assert all(job["timeout-minutes"] <= 60 for job in read(file)["jobs"].values())


def test_advisories_are_looked_for_every_week() -> None:
    file = ROOT / ".github" / "workflows" / "advisories.yml"
    (schedule,) = read(file)["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    assert {"run": "make advisories"} in steps(file)


def test_renovate_looks_after_everything_that_is_pinned() -> None:
    config = json.loads((ROOT / "renovate.json").read_text("utf-8"))
    assert set(config["enabledManagers"]) == set(_MANAGED)
    for manager, pattern in _MANAGED.items():
        assert list(ROOT.glob(pattern)), manager
    pattern = config["pip-compile"]["managerFilePatterns"][0].strip("/")
    locks = [file.relative_to(ROOT).as_posix() for file in ROOT.glob("requirements/*.txt")]
    assert [name for name in locks if not re.search(pattern, name)] == []
    assert config["automerge"] is False
    assert {"docker:pinDigests", "helpers:pinGitHubActionDigests"} <= set(config["extends"])
