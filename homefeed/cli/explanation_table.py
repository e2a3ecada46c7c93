"""Explanations as tables for people."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.explained import Explanation


def _head(value: dict[str, Any]) -> Any:
    from rich.text import Text

    asked = value["request"]
    line = f"{asked['user']} · {asked['time']} · {asked['device']} · {asked['release']} · {asked['request_id']}"
    lost = {*asked["not_computed"], *value.get("degraded", [])}
    return Text(line + (f" · degraded: {', '.join(sorted(lost))}" if lost else ""), style="bold")


def page_table(value: dict[str, Any]) -> Any:
    """Every slot of a page in brief, ready for rich."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = Table(header_style="bold", expand=True)
    for name in ("slot", "title", "source", "score", "engage", "satisfy", "moved by"):
        ratio = {"title": 3, "source": 2, "moved by": 4}.get(name)
        justify: Any = "left" if ratio else "right"
        rows.add_column(name, justify=justify, ratio=ratio, no_wrap=True, overflow="ellipsis")
    for row in value["slots"]:
        made = [f"{row[n]:.4f}" if n in row else "" for n in ("engagement", "satisfaction")]
        moved = f"{row['change']:+.2f} {row['feature']}" if "feature" in row else "no longer in the catalogue"
        title, style = Text(row.get("title") or row["video"]), "cyan" if row["explored"] else ""
        rows.add_row(str(row["slot"]), title, row["source"], f"{row['score']:.4f}", *made, moved, style=style)
    told = (
        f"{value['remade']} of these {len(value['slots'])} videos come up again when the page is made again with the "
        "features of its time. `score` was logged, after diversity; `engage` and `satisfy` sum to the value; `moved "
        "by` is a change of the log-odds of a watch; an explored slot is coloured; --slot N tells all"
    )
    return Group(_head(value), rows, Text(told, style="dim"))


def video_table(value: dict[str, Any]) -> Any:
    """One video in full, ready for rich."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    told: Explanation = value["explanation"]
    place = "no candidate" if told.place is None else f"place {told.place + 1} of {told.num_candidates} by value"
    logged = value.get("logged")
    lines = [Text(f"{told.video} · {told.title} · {told.channel}", style="bold"), Text(f"{told.outcome}; {place}")]
    if logged:
        was = f"logged: slot {logged['slot']}, score {logged['scores']:.4f}, source {logged['sources']}"
        lines.append(Text(was + (", explored" if logged["explored"] else "") + "; what follows is made again"))
    if told.correction != 1:
        lines.append(Text(f"by what viewers made of it lately, odds of a watch times {told.correction:.2f}"))
    heads = Table("head", "part", "prediction", "weight", "contribution", title="Value")
    for head in told.heads:
        heads.add_row(head.head, head.part, f"{head.prediction:.5f}", f"{head.weight:g}", f"{head.contribution:+.5f}")
    heads.add_row("engagement", "", "", "", f"{told.engagement:+.5f}", style="bold")
    heads.add_row("satisfaction", "", "", "", f"{told.satisfaction:+.5f}", style="bold")
    heads.add_row("value", "", "", "", f"{told.value:+.5f}", style="bold")
    if told.discovery:
        heads.add_row("topic new to the viewer", "", "", "", f"{told.discovery:+.5f}", style="bold")
    after = "" if told.score is None else f"{told.score:+.5f}"
    heads.add_row("after diversity", "", "", "", after, style="bold")
    features = Table("features", "log-odds of a watch", "most", "here", "typical", title="What moves it")
    for f in told.features:
        numbers = ("", "") if f.value is None else (f"{f.value:g}", f"{f.typical:g}")
        features.add_row(f.group, f"{f.change:+.3f}", f.feature or "the keys", *numbers)
    sources = Table("source", "proposed it at", "of", title="Sources")
    for s in told.sources:
        sources.add_row(s.source, "no" if s.place is None else str(s.place + 1), str(s.proposed))
    removed = Text(f"filters that remove it: {', '.join(told.filters) or 'none'}")
    changes = [Text(f"- {change}") for change in told.changes]
    changes += [
        Text(f"- {r.feature} of {r.wanted:g} instead of {r.value:g} would do ({r.share:.0%} of exposures away)")
        for r in told.reaches
    ]
    if told.changes and told.needed > told.value + told.discovery and not told.reaches:
        changes.append(Text("- no change of a single feature would do"))
    if changes:
        changes.insert(0, Text("What would have to change for it to be on the page by its value:", style="bold"))
    return Group(_head(value), *lines, heads, features, sources, removed, *changes)
