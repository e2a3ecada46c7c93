"""What viewers did with the pages of each release in the last day, from table `online_metrics`, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from homefeed import windows
from homefeed.lake import open_lake
from models.report.charts import Line, line_chart
from models.report.intervals import Valued, interval_chart
from monitoring.console.desk import Desk
from monitoring.console.markup import counted, more, nothing, table
from monitoring.online.history import online_metrics, together

_DAY_WINDOWS = 144
#: Releases that are drawn: what is live and in rollout, and the newest before.
_MOST = 8
#: Place of a release -> class of what is drawn of it.
_STYLES = {"live": "own", "in rollout": "rival", "interleaved": "past", "earlier": "past"}


@dataclass(frozen=True)
class _Shown:
    """A metric as it is drawn: its name and unit, and the factor to that unit."""

    title: str
    unit: str
    factor: float = 1.0


#: Metric -> its charts.
_CHARTS: Mapping[str, _Shown] = {
    "click_through": _Shown("Watched share of the videos on screen", "%", 100),
    "watch_s_per_viewer": _Shown("Watch time per viewer", "minutes in a window", 1 / 60),
    "dismissals_per_viewer": _Shown("Dismissals per viewer", "in a window"),
    "successful_sessions": _Shown("Successful sessions", "% of the sessions that ended", 100),
}


def traffic(desk: Desk) -> str:
    """For each metric the releases side by side over the day, and how it went window by window; then the numbers."""
    measured = open_lake(desk.settings.lake_path).windows("online_metrics")
    if not measured:
        return nothing("No window was measured yet: `monitor_release` does it once a release is live.")
    first, last = windows.shift(measured[-1], 1 - _DAY_WINDOWS), measured[-1]
    rows = online_metrics(desk.settings, first, last)
    rows = rows.filter(pc.equal(rows["arm"], ""))
    day = together(rows).to_pylist()
    places = _places(desk, rows)
    drawn = list(places)[:_MOST]
    charts = "".join(
        f'<figure class="card"><figcaption>{escape(shown.title)}</figcaption>{_side_by_side(day, places, drawn, name)}'
        f"{_over_time(desk.now, rows, places, drawn, name)}</figure>"
        for name, shown in _CHARTS.items()
        if any(row["metric"] == name and row["value"] is not None for row in day)
    )
    left_out = f" {counted(len(places) - _MOST, 'earlier release')} more in the numbers." if len(places) > _MOST else ""
    confidence = round(100 * desk.settings.online.confidence)
    words = (
        f"Windows {first} to {last}, as <code>homefeed metrics --windows {_DAY_WINDOWS}</code> has them: per release, "
        f"with {confidence} % intervals over viewers. Viewers of different releases and hours are not alike: which "
        f"release is better, the gates say.{left_out}"
    )
    return f'<p>{words}</p><div class="charts">{charts}</div>{more("The numbers", _numbers(day, places))}'


def _places(desk: Desk, rows: pa.Table) -> dict[str, str]:
    """Release -> `live`, `in rollout`, `interleaved` or `earlier`, in the order in which they are shown."""
    newest = rows.group_by("release").aggregate([("window", "max")]).sort_by([("window_max", "descending")])
    live, rollout = desk.live.id if desk.live else "", [release.id for release in desk.in_rollout]
    found = newest["release"].to_pylist()
    ordered = [name for name in (live, *rollout) if name in found]
    ordered += [name for name in found if name not in ordered]
    rest = {name: "interleaved" if "+" in name else "earlier" for name in ordered}
    return rest | {name: "live" if name == live else "in rollout" for name in (live, *rollout) if name in found}


def _named(release: str, places: Mapping[str, str]) -> str:
    name = release or "no release"
    return name if places[release] == "earlier" else f"{name}, {places[release]}"


def _short(release: str, places: Mapping[str, str]) -> str:
    """The name where there is room for one release only."""
    name = _named(release, places)
    return name if "+" not in name else "+".join(part[-6:] for part in release.split("+")) + f", {places[release]}"


def _side_by_side(day: Sequence[dict[str, Any]], places: Mapping[str, str], drawn: Sequence[str], metric: str) -> str:
    shown, found = _CHARTS[metric], {row["release"]: row for row in day if row["metric"] == metric}
    valued = []
    for release in drawn:
        row = found.get(release)
        if row is not None and row["value"] is not None:
            value, low, high = (None if row[n] is None else row[n] * shown.factor for n in ("value", "low", "high"))
            valued.append(Valued(_short(release, places), value or 0.0, low, high, _STYLES[places[release]]))
    return interval_chart(valued, f"{shown.unit}, the whole day") if valued else ""


def _over_time(now: datetime, rows: pa.Table, places: Mapping[str, str], drawn: Sequence[str], metric: str) -> str:
    """One line for each release; x is hours before now."""
    shown, mine = _CHARTS[metric], rows.filter(pc.equal(rows["metric"], metric)).to_pylist()
    lines, named = [], set()
    for release in reversed([name for name in drawn if places[name] != "interleaved"]):
        seen = [row for row in mine if row["release"] == release and row["value"] is not None]
        at = [(windows.end(row["window"]) - now).total_seconds() / 3600 for row in seen]
        points = [(x, row["value"] * shown.factor) for x, row in zip(at, seen, strict=True)]
        band = [
            (x, row["low"] * shown.factor, row["high"] * shown.factor)
            for x, row in zip(at, seen, strict=True)
            if row["low"] is not None and row["high"] is not None
        ]
        place = places[release]
        if points:
            label = place if place not in named else ""
            named.add(place)
            # Bands of releases that are gone would hide those that are there.
            kept = band if place in ("live", "in rollout") else None
            lines.append(Line(label, points, _STYLES[place], band=kept, is_dotted=len(points) < 30))
    if not lines:
        return ""
    return line_chart(lines, x_name="hours from now", ticks=[-24.0, -18.0, -12.0, -6.0, 0.0], from_zero=False)


def _numbers(day: Sequence[dict[str, Any]], places: Mapping[str, str]) -> str:
    order = list(places)
    cells = [
        [
            escape(_named(row["release"], places)),
            escape(row["metric"]),
            _plain(row["value"]),
            "" if row["low"] is None else f"{_plain(row['low'])} to {_plain(row['high'])}",
            f"{row['num_viewers']:,}",
            f"{row['num_windows']:,}",
        ]
        for row in sorted(day, key=lambda row: (order.index(row["release"]), row["metric"]))
    ]
    head = ("release", "metric", "value", "interval", "viewers", "windows")
    return table("Online metrics of the day; a viewer of three windows counts three times", head, cells)


def _plain(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4g}"
