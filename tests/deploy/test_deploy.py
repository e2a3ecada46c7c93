"""The files for Prometheus, Alertmanager and Grafana: their own tools accept them, and they name only what there is."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "homefeed.rules.yml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "homefeed.json").read_text())
RECORDED = {r["record"] for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"] if "record" in r}


def expressions() -> list[str]:
    """Every expression of the dashboard."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def alerts() -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=DEPLOY / "prometheus")
    assert done.returncode == 0, done.stdout + done.stderr


def series() -> set[str]:
    """Names of the series that the service's metrics can have."""
    from prometheus_client import Counter, Gauge, Histogram

    from serving import metrics

    found: set[str] = set()
    suffixes = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}
    for metric in vars(metrics).values():
        for kind, ends in suffixes.items():
            if isinstance(metric, kind):
                found |= {metric._name + end for end in ends}
    return found


def test_promtool_accepts_the_configuration_and_the_rules(program: Callable[[str], str]) -> None:
    run(program("promtool"), "check", "config", "prometheus.yml")


def test_the_rules_fire_on_what_they_are_for_and_on_nothing_else(program: Callable[[str], str]) -> None:
    run(program("promtool"), "test", "rules", "homefeed.rules.test.yml")


def test_amtool_accepts_the_configuration_of_alertmanager(program: Callable[[str], str]) -> None:
    run(program("amtool"), "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))


def test_every_expression_of_the_dashboard_can_be_evaluated(program: Callable[[str], str], tmp_path: Path) -> None:
    rules = [{"record": f"dashboard:{i}", "expr": expr} for i, expr in enumerate(expressions())]
    for rule in rules:
        rule["record"] = rule["record"].replace(":", ":panel")
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run(program("promtool"), "check", "rules", str(file))


@pytest.mark.parametrize("where", ["rules", "dashboard"])
def test_every_metric_that_is_named_exists_with_its_labels(where: str) -> None:
    text = RULES.read_text() if where == "rules" else "\n".join(expressions())
    expressions_only = re.sub(r"\bgroup.*|docs/\S+|by \(.*?\)", "", text)
    named = set(re.findall(r"\bhomefeed_[a-z_]+\b", expressions_only))
    assert named
    assert named <= series(), "the service has no such metric"
    assert set(re.findall(r"homefeed:[a-z_0-9]+:[a-z_0-9]+", text)) <= RECORDED


def test_every_metric_of_the_service_is_on_the_dashboard() -> None:
    shown = "\n".join([*expressions(), RULES.read_text()])
    for name in {re.sub(r"_(bucket|sum|count)$", "", name) for name in series()}:
        assert name in shown, f"{name} is on no panel"


def test_every_alert_has_an_owner_a_severity_and_a_section_in_the_runbook() -> None:
    headings = re.findall(r"^##? (.+)$", (ROOT / "docs" / "runbook.md").read_text(), flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in headings}
    for rule in alerts():
        if rule["alert"] == "HomefeedWatchdog":
            continue
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert rule["labels"]["owner"], rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("docs/runbook.md", True), rule["alert"]


def test_alertmanager_quiets_only_rules_that_there_are() -> None:
    from monitoring.alerts.rules import load_rules

    config = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text()
    names = set(re.findall(r'alertname=~?"([a-z_|]+)"', config))
    assert {name for joined in names for name in joined.split("|")} <= {rule.name for rule in load_rules()}


def test_panels_lie_side_by_side_and_never_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
