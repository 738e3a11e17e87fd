"""The chart, rendered by the real helm: documents to ask, and copies to spoil."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.tools import CHART, find, run, run_well

# The lowest that Chart.yaml allows, and the highest whose manifests can be checked here.
LOWEST: Final = "1.33.0"
MONITORING: Final = ("--api-versions", "monitoring.coreos.com/v1")
# Every rendering has it; a file of values that comes later overrides it.
INSTALLATION: Final = ("--values", str(Path(__file__).with_name("installation.yaml")))
CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"
# What infra/ would tell production.
PRODUCTION: Final = (
    *("--values", "values-production.yaml"),
    *("--set", "ingress.certificateArn=arn:aws:acm:eu-west-1:123456789012:certificate/1"),
    *("--set", f"images.api.digest=sha256:{'a' * 64},images.worker.digest=sha256:{'b' * 64}"),
    *("--set-string", f"database.caBundle={CERTIFICATE}"),
    *("--set", "traces.endpoint=http://collector.monitoring:4318,traces.percent=10"),
)
VARIANTS: Final = {
    "default": (),
    "production": PRODUCTION,
    "ci": ("--values", "ci/ci-values.yaml"),
    "rules": ("--set", "worker.rules[0].suffix=.crc,worker.rules[0].action=ignore"),
}

Document = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Rendered:
    """The documents of one release."""

    documents: list[Document]

    def of_kind(self, kind: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] == kind]

    def one(self, kind: str, ending: str) -> Document:
        found = [one for one in self.of_kind(kind) if one["metadata"]["name"].endswith(ending)]
        assert len(found) == 1, f"{len(found)} of {kind} *{ending}"
        return found[0]

    def pods(self) -> Iterator[tuple[str, Document]]:
        """Yields a name and the pod's spec, for everything that makes pods."""
        for document in self.documents:
            name = f"{document['kind']}/{document['metadata']['name']}"
            if document["kind"] == "Pod":
                yield name, document["spec"]
            elif template := template_of(document):
                yield name, template["spec"]

    def environment(self, component: str) -> dict[str, Any]:
        """Returns a component's variables by name: values, or where they come from."""
        specs = [spec for name, spec in self.pods() if name.endswith(component)]
        assert len(specs) == 1, f"{len(specs)} of {component}"
        variables = specs[0]["containers"][0]["env"]
        return {each["name"]: each.get("value", each.get("valueFrom")) for each in variables}


def template_of(document: Document) -> Document:
    """Returns the template of the pods that a Deployment, Job or CronJob makes; else nothing."""
    spec = document.get("spec", {})
    found: Document = spec.get("jobTemplate", {}).get("spec", spec).get("template", {})
    return found


def render(*options: str, chart: Path = CHART, kube: str = LOWEST) -> Rendered:
    """Renders the chart as a release `movies-r-us`. Fails where helm does."""
    return Rendered(
        [one for one in yaml.safe_load_all(template(*options, chart=chart, kube=kube)) if one]
    )


def template(*options: str, chart: Path = CHART, kube: str = LOWEST) -> str:
    return run_well(_command(options, kube), cwd=chart)


def refusal(*options: str, chart: Path = CHART) -> str:
    """Returns what helm says against these values; fails if it takes them."""
    done = run(_command(options, LOWEST), cwd=chart)
    assert done.returncode != 0, f"taken: {options}"
    return done.stderr


def _command(options: tuple[str, ...], kube: str) -> list[str | Path]:
    fixed = ["template", "movies-r-us", ".", "--namespace", "movies-r-us", "--kube-version", kube]
    return [find("helm"), *fixed, *MONITORING, *INSTALLATION, *options]


def spoiled(folder: Path, file: str, before: str, after: str) -> Path:
    """Returns a copy of the chart in which one text is replaced by another."""
    chart = folder / "movies-r-us"
    shutil.copytree(CHART, chart)
    path = chart / file
    text = path.read_text("utf-8")
    assert before in text, f"{file} has no {before!r} to spoil"
    path.write_text(text.replace(before, after), encoding="utf-8")
    return chart
