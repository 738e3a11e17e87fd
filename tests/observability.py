"""Reads the dashboard and the alert rules, and what they ask Prometheus for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml

FOLDER: Final = Path(__file__).parents[1] / "docs" / "observability"
README: Final = FOLDER / "README.md"
# What Grafana fills in before Prometheus sees it.
_VARIABLES: Final = re.compile(r"\$__rate_interval|\$__interval|\$__range")
_PARTS: Final = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def alerts() -> list[dict[str, Any]]:
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text("utf-8"))
    return [rule for group in rules["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    return read


def expressions() -> Iterator[tuple[str, str]]:
    """Yields where an expression stands, and what it is."""
    for alert in alerts():
        yield f"alert {alert['alert']}", alert["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", _VARIABLES.sub("5m", target["expr"])


def metrics_in(expression: str) -> set[str]:
    """Returns the names that an expression asks for. Raises ValueError where it cannot be read."""
    names: set[str] = set()

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            names.add(node.name)
        return True

    promql_parser.walk(promql_parser.parse(expression), note)
    return names


def named_metrics() -> set[str]:
    return {name for _, expression in expressions() for name in metrics_in(expression)}


def series_of(name: str, kind: str) -> set[str]:
    """Returns the names of a metric's series, as a scrape has them."""
    return {name + part for part in _PARTS[kind]}
