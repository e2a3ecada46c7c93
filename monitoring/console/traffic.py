"""Online metrics of the last day as charts: what viewers were shown and what they did, per window and release."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from homefeed import windows
from homefeed.lake import open_lake
from models.report.charts import Line, line_chart
from monitoring.console.desk import Desk
from monitoring.console.markup import more, nothing, table

_DAY_WINDOWS = 144
_COLUMNS = ("window", "release", "request_id", "user", "watched", "watch_s")
#: Group of releases -> class of its line.
_STYLES = {"live": "own", "in rollout": "rival", "earlier": "past"}


@dataclass(frozen=True)
class Traffic:
    """One window of one group of releases.

    Attributes:
      window: its name.
      group: `live`, `in rollout` or `earlier`: what the releases are now.
      pages, viewers: requests of which at least one video was on screen, and who saw them; viewers count once for each
        release.
      impressions: videos that were on screen.
      watches: those that were watched within their label window.
      watch_s: watch time that began there [s].
    """

    window: str
    group: str
    pages: int
    viewers: int
    impressions: int
    watches: int
    watch_s: float


#: Chart -> what is drawn, from one row; None leaves a gap.
_CHARTS: Mapping[str, Callable[[Traffic], float]] = {
    "Pages": lambda row: float(row.pages),
    "Watched share of the videos on screen [%]": lambda row: 100 * row.watches / row.impressions,
    "Watch time per viewer [min]": lambda row: row.watch_s / 60 / row.viewers,
}


def traffic(desk: Desk) -> str:
    """A chart for each metric, and the numbers as a table."""
    rows = read(desk)
    if not rows:
        return nothing("Nobody saw a page in the last day, or its exposures are not published yet.")
    charts = "".join(
        f'<figure class="card"><figcaption>{name}</figcaption>{_chart(desk.now, rows, value)}</figure>'
        for name, value in _CHARTS.items()
    )
    cells = [
        [
            f"{windows.start(row.window):%H:%M}",
            row.group,
            *(f"{n:,}" for n in (row.pages, row.viewers, row.impressions)),
            f"{row.watches / row.impressions:.2%}",
            f"{row.watch_s / 60 / row.viewers:.1f}",
        ]
        for row in reversed(rows)
    ]
    head = ("window", "releases", "pages", "viewers", "impressions", "watched", "minutes per viewer")
    numbers = more("The numbers", table("Online metrics per window, the newest first, UTC", head, cells))
    groups = (
        "Releases that were live earlier in the day are one line. " if any(r.group == "earlier" for r in rows) else ""
    )
    words = "From exposures, whose label windows have closed. A group that moves is evidence only with an interval: see"
    return f'<p>{groups}{words} the gates.</p><div class="charts">{charts}</div>{numbers}'


def read(desk: Desk) -> list[Traffic]:
    """The last day from the exposures in the lake, by window, then group; empty when there are none."""
    lake = open_lake(desk.settings.lake_path)
    last = windows.window_of(desk.now)
    found = _sums(lake.path, windows.shift(last, -_DAY_WINDOWS), last, lake.version("exposures"))
    live = desk.live.id if desk.live else None
    rollout = {release.id for release in desk.in_rollout}

    def group(release: str | None) -> str:
        return "live" if release == live else "in rollout" if release in rollout else "earlier"

    added: dict[tuple[str, str], list[float]] = {}
    for window, release, *values in found:
        sums = added.setdefault((window, group(release)), [0.0] * len(values))
        added[window, group(release)] = [a + b for a, b in zip(sums, values, strict=True)]
    rows = []
    for (window, name), (pages, viewers, impressions, watches, watch_s) in sorted(added.items()):
        rows.append(Traffic(window, name, int(pages), int(viewers), int(impressions), int(watches), watch_s))
    return rows


@lru_cache(maxsize=4)
def _sums(lake: Path, first: str, last: str, version: int) -> list[tuple[str, str, int, int, int, int, float]]:
    """(window, release, pages, viewers, impressions, watches, watch time): read once for each version of the table."""
    if version < 0:
        return []
    rows = open_lake(lake).read("exposures", (first, last), version, _COLUMNS)
    rows = rows.set_column(4, "watched", pc.cast(pc.fill_null(rows["watched"], False), pa.int64()))
    sums = rows.group_by(["window", "release"]).aggregate(
        [
            ("request_id", "count_distinct"),
            ("user", "count_distinct"),
            ("user", "count"),
            ("watched", "sum"),
            ("watch_s", "sum"),
        ]
    )
    names = ("window", "release", "request_id_count_distinct", "user_count_distinct", "user_count", "watched_sum")
    columns = [sums[name].to_pylist() for name in names]
    return list(zip(*columns, [value or 0.0 for value in sums["watch_s_sum"].to_pylist()], strict=True))


def _chart(now: datetime, rows: Sequence[Traffic], value: Callable[[Traffic], float]) -> str:
    """One line for each group; x is hours before now."""
    lines = []
    for name, style in _STYLES.items():
        mine = [row for row in rows if row.group == name and row.impressions]
        points = [((windows.start(row.window) - now).total_seconds() / 3600, value(row)) for row in mine]
        if points:
            lines.append(Line(name, points, style, is_dotted=len(points) < 30))
    return line_chart(lines, x_name="hours from now", ticks=[-24.0, -18.0, -12.0, -6.0, 0.0])
