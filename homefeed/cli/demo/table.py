"""The demo's result for people."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text


def table(value: dict[str, Any]) -> Group:
    """Stages with their seconds, what was measured, the releases, and the top of the page."""
    stages = Table("stage", "seconds", title=f"{value['format']}: {value['seconds']:.0f} s")
    for stage in value["stages"]:
        stages.add_row(stage["name"], f"{stage['seconds']:.1f}")
    figures = Table("figure", "value")
    for group in ("events", "exposures", "features", "index"):
        for name, number in value[group].items():
            figures.add_row(f"{group} {name}", f"{number:,}" if isinstance(number, int) else str(number))
    for group, names in (
        ("retrieval", ("recall_at_100", "popularity_recall_at_100")),
        ("ranking", ("roc_auc", "pr_auc", "ne", "gbt_ne", "calibration")),
    ):
        for name in names:
            number = value[group].get(name)
            figures.add_row(f"{group} {name}", "not measured" if number is None else f"{number:.4f}")
    releases = Table("release", "stage", "looks", "checks passed")
    for release in value["releases"]:
        passed = sum(check["verdict"] == "pass" for check in release["checks"])
        releases.add_row(
            release["id"], release["stage"], str(len(release["transitions"])), f"{passed} of {len(release['checks'])}"
        )
    parts: list[Any] = [stages, figures, releases]
    if value["page"]:
        page = Table("slot", "title", "channel", "why", title=f"page of {value['page']['user']}")
        for slot in value["page"]["videos"][:10]:
            page.add_row(str(slot["slot"]), Text(slot["title"]), Text(slot["channel"]), Text(slot["why"]))
        parts.append(page)
    parts.append("\n".join(f"[red]{failure}[/red]" for failure in value["failures"]) or "[green]the loop works[/green]")
    return Group(*parts)
