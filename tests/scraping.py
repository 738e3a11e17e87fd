"""Scrapes API and worker as Prometheus does, and reads what they say."""

import dataclasses
import json
import urllib.request
from typing import Any, Self

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

DEADLINE_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class Scrape:
    """What was shown at one moment."""

    families: list[Metric]

    @classmethod
    def of(cls, url: str) -> Self:
        with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as answer:
            return cls(list(text_string_to_metric_families(answer.read().decode())))

    @classmethod
    def at(cls, port: int) -> Self:
        return cls.of(f"http://127.0.0.1:{port}/metrics")

    def series(self) -> set[str]:
        """The names by which expressions may ask."""
        return {sample.name for family in self.families for sample in family.samples}

    def sum(self, name: str, **labels: Any) -> float:
        """The sum of all series of a name that have these labels."""
        wanted = {label: str(value) for label, value in labels.items()}
        return sum(
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        )


def shown_port(lines: list[str]) -> int:
    """Returns the port that a process said its metrics to be on."""
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    ports = [entry["port"] for entry in entries if entry["event"] == "metrics are shown"]
    assert ports, "nothing shows metrics"
    port: int = ports[-1]
    return port
