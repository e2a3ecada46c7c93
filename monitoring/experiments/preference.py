"""What the result page says of two interleaved releases: whose picks were watched more, as a chart and in numbers."""

from collections.abc import Sequence
from html import escape
from typing import Any

from homefeed.report_page import number, tiles
from models.report.section import card
from monitoring.experiments.interleaving import Interleaved
from monitoring.experiments.look_chart import look_chart


def preference(reading: Interleaved) -> str:
    """The body of the page."""
    figures = tiles([(number(reading.num_pages, 0), "pages of both"), (number(reading.num_viewers, 0), "viewers")])
    return f'{figures}{_believe(reading)}<div class="cards">{_chart(reading)}{_numbers(reading)}</div>'


def summary(reading: Interleaved) -> dict[str, Any]:
    """What the registry keeps of the page."""
    newest = {name: (getattr(reading, name) or [None])[-1] for name in ("preference", "low", "high")}
    return newest | {name: getattr(reading, name) for name in ("is_void", "releases", "winner", "num_viewers")}


def result(reading: Interleaved) -> str:
    """The result in one sentence."""
    if reading.is_void:
        return "Void: the picks on screen are split more unevenly than fair coins would have it; believe no preference."
    first, second = reading.releases
    if not reading.preference or reading.preference[-1] is None:
        return f"Too few viewers to read: {reading.num_viewers:,}."
    middle, low, high = (_share(values)[-1] or 0.0 for values in (reading.preference, reading.low, reading.high))
    if reading.winner == second:
        middle, low, high = 1 - middle, 1 - high, 1 - low
    told = f"{middle:.1%} of the watches of their picks are {reading.winner or first}'s ({low:.1%} to {high:.1%})."
    if not reading.winner:
        return f"Undecided so far: {told}"
    return f"{reading.winner} is better than {second if reading.winner == first else first}: {told}"


def _share(preference: Sequence[float | None]) -> list[float | None]:
    """Preferences as the first's part of the watches: 1/2 is none."""
    return [None if value is None else min(max((1 + value) / 2, 0.0), 1.0) for value in preference]


def _believe(reading: Interleaved) -> str:
    if not reading.num_viewers:
        return "<h2>No exposures yet</h2><p>No page of both was on screen, or its exposures are not published yet.</p>"
    heading = '<h2 class="bad">Void</h2>' if reading.is_void else "<h2>Result</h2>"
    return f"{heading}<p>{escape(result(reading))}</p>"


def _chart(reading: Interleaved) -> str:
    first, second = reading.releases
    middle, low, high = (_share(values) for values in (reading.preference, reading.low, reading.high))
    chart = look_chart(reading.windows, middle, low, high, f"share of {first}, %", 0.5)
    sentence = (
        f"Of the watches of picks of {first} or {second} the part of {first}. The interval holds at every look: the "
        "test may be ended as soon as it leaves 50 % out."
    )
    return card("Whose picks were watched", sentence, chart) if chart else ""


def _numbers(reading: Interleaved) -> str:
    rows = "".join(
        f"<tr><td>{escape(release)}</td><td>{shown:,}</td><td>{watched:,}</td>"
        f"<td>{number(100 * watched / shown if shown else None, 2)}</td></tr>"
        for release, shown, watched in zip(reading.releases, reading.shown, reading.watched, strict=True)
    )
    head = "<tr><th>release</th><th>picks on screen</th><th>watched</th><th>watched, %</th></tr>"
    sentence = (
        "A slot that both would have filled with the same video, or that explored, is nobody's pick. Chance of so "
        f"uneven a split of the picks on screen, at any look, were the coins fair: {reading.split_p:.3g}."
    )
    return card("In numbers", sentence, f'<div class="wide"><table>{head}{rows}</table></div>')
