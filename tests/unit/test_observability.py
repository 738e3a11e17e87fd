"""Dashboard and alert rules: Prometheus and Grafana can read them, and each alert has its word."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.observability import README, alerts, dashboard, expressions, metrics_in

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"mru_[a-z_]+")
FOR = re.compile(r"\d+[smh]")


@pytest.mark.parametrize(
    "expression", [pytest.param(text, id=place) for place, text in expressions()]
)
def test_every_expression_is_promql_and_asks_for_metrics_of_ours(expression: str) -> None:
    assert metrics_in(expression)
    assert all(NAME.fullmatch(name) for name in metrics_in(expression))


@pytest.mark.parametrize("wrong", ["sum(rate(mru_x[5m])", "mru_x > ", "rate(mru_x)", "nope(mru_x)"])
def test_what_is_no_promql_is_noticed(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        metrics_in(wrong)


def test_every_alert_is_whole_and_says_what_to_do() -> None:
    headings = re.findall(r"^### (\w+)$", README.read_text("utf-8"), re.MULTILINE)
    names = [alert["alert"] for alert in alerts()]
    assert headings == names
    assert len(set(names)) == len(names)
    for alert in alerts():
        assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
        assert FOR.fullmatch(alert.get("for", "1m"))
        assert alert["labels"]["severity"] in {"critical", "warning"}
        address = f"docs/observability/README.md#{alert['alert'].lower()}"
        assert alert["annotations"]["runbook"] == address
        assert alert["annotations"]["summary"]


def test_alerts_fire_when_they_should_and_say_what_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: it comes with Prometheus")
    ran = subprocess.run(
        [promtool, "test", "rules", ROOT / "tests" / "alerts.yaml"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_the_dashboard_is_laid_out_without_holes_in_its_ids_and_asks_one_data_source() -> None:
    panels = dashboard()["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    (variable,) = dashboard()["templating"]["list"]
    assert (variable["name"], variable["query"]) == ("datasource", "prometheus")
