"""The plan for people: a table on the terminal, and a page with charts that needs no network."""

from collections.abc import Sequence
from html import escape
from typing import Any

from homefeed.cli.plan.assumptions import ASSUMPTIONS
from homefeed.cli.plan.outcome import Outcome, total
from homefeed.cli.plan.sizing import Need
from homefeed.report_page import document, tiles

_HEADS = ("part", "machines", "cores", "memory", "disk", "objects", "archive", "Gbit/s", "USD")
#: What lies above so many times the goal is left out of the chart.
_MOST_GOALS = 5
_STYLE = (
    ".wide{overflow-x:auto}.chart{max-width:720px}.chart text{font-size:12px}.chart .own{fill:var(--mark)}"
    ".chart .less{fill:var(--good)}.chart .axis{stroke:var(--line)}.line{fill:none;stroke-width:2}"
    "polyline.own{stroke:var(--mark)}polyline.past{stroke:var(--bad);stroke-dasharray:5 4}"
    ".grid{stroke:var(--line)}.dot{fill:var(--mark)}.key{margin-right:16px}.key.own{color:var(--mark)}"
    ".key.past{color:var(--bad)}th.words,td.words{text-align:left}"
)


def headline(plan: Outcome) -> str:
    """One sentence."""
    average, capacity = total(plan.average), total(plan.capacity)
    return (
        f"{average.machines:,} machines and {usd(average.usd_month)} a month for the average of"
        f" {plan.site.pages_per_s:,.0f} pages/s; {capacity.machines:,} and {usd(capacity.usd_month)} for"
        f" {plan.site.capacity_pages_per_s:,.0f} pages/s"
    )


def table(plan: Outcome) -> Any:
    """Both loads on the terminal, then what the bill depends on."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table

    shown: list[Any] = [headline(plan)]
    for title, needs in _loads(plan):
        rows = Table(title=title, box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
        for head in ("part", "machines", "cores", "memory", "stored", "Gbit/s", "USD"):
            rows.add_column(head, no_wrap=True, justify="left" if head == "part" else "right")
        for need in [*needs, total(needs)]:
            part, machines, cores, memory, *_, network, money = _cells(need)
            stored = _gib(need.disk_gib + need.object_gib + need.cold_gib)
            rows.add_row(part, machines, cores, memory, stored, network, money)
        shown.append(rows)
    turns = Table("number", "kind", "halved", "doubled", title="What the bill for capacity depends on")
    for turn in plan.sensitivity[:12]:
        turns.add_row(turn.name, turn.kind, _change(turn.half), _change(turn.twice))
    shown.append(turns)
    shown.append(f"Replicas may be busy {plan.headroom.busy:.0%} of the time. {_check(plan)}")
    return Group(*shown)


def html(plan: Outcome) -> str:
    """The whole page."""
    from models.report.charts import Line, line_chart

    average, capacity = total(plan.average), total(plan.capacity)
    figures = [
        (f"{average.machines:,}", "machines, average"),
        (usd(average.usd_month), "a month, average"),
        (f"{capacity.machines:,}", "machines, capacity"),
        (usd(capacity.usd_month), "a month, capacity"),
        (f"{plan.headroom.busy:.0%}", "that replicas may be busy"),
    ]
    body = f"<h1>{escape(headline(plan))}</h1><p>A calculation, not a quote; its numbers are below.</p>"
    body += tiles(figures)
    for title, needs in _loads(plan):
        body += f"<h2>{escape(title)}</h2>{bars([(n.part, n.usd_month, usd(n.usd_month)) for n in needs], title)}"
        body += _table(_HEADS, [_cells(need) for need in [*needs, total(needs)]])
        body += _table(("part", "sized for"), [(need.part, need.load) for need in needs], words=True)
    points = [(100 * load, ms) for load, ms in sorted(plan.headroom.curve.items())]
    curve = [point for point in points if point[1] <= _MOST_GOALS * plan.site.goal_ms] or points
    goal = [(x, plan.site.goal_ms) for x, _ in curve]
    lines = [Line("99th percentile of a page [ms]", curve), Line("goal", goal, "past", is_dotted=False)]
    chart = line_chart(lines, x_name="share of their time [%]", ticks=[x for x, _ in curve])
    simulated = f"{plan.headroom.pages:,} pages simulated at each load, {plan.headroom.shards} shards asked for each."
    body += f"<h2>How busy replicas may be</h2>{chart}<p>{simulated} {_check(plan)}</p>"
    body += "<h2>What the bill for capacity depends on</h2>"
    turned = [(turn.name, turn.kind, _change(turn.half), _change(turn.twice)) for turn in plan.sensitivity]
    body += bars(
        [(t.name, t.swing, f"{_change(t.half)} / {_change(t.twice)}") for t in plan.sensitivity[:12]], "sensitivity"
    )
    body += _table(("number", "kind", "halved", "doubled"), turned)
    body += "<h2>Measured</h2>" + _table(
        ("figure", "value", "what", "command", "day", "machine"),
        [(f.name, f"{f.value:,g} {f.unit}", f.what, f.command, f.date, f.machine) for f in plan.figures.values()],
        words=True,
    )
    body += "<h2>Assumed</h2>" + _table(
        ("assumption", "value", "why"),
        [(n, f"{v:,g} {ASSUMPTIONS[n].unit}", ASSUMPTIONS[n].why) for n, v in plan.assumptions.items()],
        words=True,
    )
    return document("Homefeed: what a site needs", body, _STYLE)


def bars(rows: Sequence[tuple[str, float, str]], name: str) -> str:
    """Horizontal bars as SVG: label, value from 0, and the value as text."""
    most = max((value for _, value, _ in rows), default=0.0) or 1.0
    parts = []
    for place, (label, value, text) in enumerate(rows):
        y, width = 8 + 24 * place, 330 * value / most
        parts.append(
            f'<text x="210" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="own" x="218" y="{y}" width="{width:.1f}" height="16"/>'
            f'<text x="{224 + width:.1f}" y="{y + 13}">{escape(text)}</text>'
        )
    size = 16 + 24 * len(rows)
    return f'<svg class="chart" viewBox="0 0 720 {size}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'


def usd(value: float) -> str:
    """Money as people say it."""
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{value / size:,.3g} {unit} USD"
    return f"{value:,.0f} USD"


def _check(plan: Outcome) -> str:
    found = plan.headroom
    return (
        f"At half load of homefeed bench serve the simulation says a 99th percentile of {found.checked_ms:.0f} ms, and"
        f" {found.measured_ms:.0f} ms were measured: all its percentiles are multiplied by {found.correction:.2f}."
    )


def _loads(plan: Outcome) -> list[tuple[str, list[Need]]]:
    return [
        (f"Average: {plan.site.pages_per_s:,.0f} pages/s; USD a month", plan.average),
        (f"Capacity: {plan.site.capacity_pages_per_s:,.0f} pages/s; USD a month", plan.capacity),
    ]


def _cells(need: Need) -> tuple[str, ...]:
    sizes = (_gib(v) for v in (need.memory_gib, need.disk_gib, need.object_gib, need.cold_gib))
    network = f"{need.network_gbit_s:,.0f}" if need.network_gbit_s >= 100 else f"{need.network_gbit_s:.2g}"
    money = usd(need.usd_month).removesuffix(" USD")
    return (need.part, f"{need.machines:,}", f"{need.cores:,.0f}", *sizes, network, money)


def _gib(value: float) -> str:
    for size, unit in ((2**20, "PiB"), (2**10, "TiB")):
        if value >= size:
            return f"{value / size:,.3g} {unit}"
    return f"{value:,.3g} GiB" if value else ""


def _change(ratio: float | None) -> str:
    return "cannot be" if ratio is None else f"{ratio - 1:+.0%}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: bool = False) -> str:
    style = ' class="words"' if words else ""
    cells = "".join("<tr>" + "".join(f"<td{style}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head = "".join(f"<th{style}>{escape(name)}</th>" for name in heads)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>"
