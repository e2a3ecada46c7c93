"""The course of an alert: its value over time against its bound, as points that are kept with it and as a picture."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from monitoring.alerts.reading import Measurement

#: Points of a course; when there are more, every second of the older ones is dropped.
_MOST = 144
_WIDTH, _HEIGHT = 520.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 60.0, 12.0, 14.0, 30.0
Course = list[tuple[str, float]]


def course(before: Sequence[Sequence[Any]], measurement: Measurement, value: float, now: datetime) -> Course:
    """The points with the newest one: what the measurement knows of earlier looks, else those that were kept.

    Args:
      before: (ISO time, value) that were kept, oldest first.
      measurement: the newest.
      value: of it.
      now: time of it. Points that lie after it, because the clock was set back, are left out.
    """
    known = [(at.isoformat(), float(was)) for at, was in measurement.history if at <= now]
    kept = [(str(at), float(was)) for at, was in before if datetime.fromisoformat(str(at)) < now]
    points = known or [*kept, (now.isoformat(), value)]
    while len(points) > _MOST:
        points = [*points[: _MOST // 2 : 2], *points[_MOST // 2 :]] if len(points) <= 2 * _MOST else points[-_MOST:]
    return points


def picture(name: str, points: Sequence[Sequence[Any]], bound: float, kind: str) -> str:
    """An SVG that stands alone, also outside of a page: the value as a line, the bound dashed, the wrong side shaded.

    Args:
      name: what is shown, for those who cannot see it.
      points: (ISO time, value), oldest first.
      bound, kind: a value `above` or `below` the bound is wrong.

    Returns:
      "" with fewer than two points: the text has the one value.
    """
    if len(points) < 2:
        return ""
    times = [datetime.fromisoformat(str(at)) for at, _ in points]
    values = [float(value) for _, value in points]
    low, high = min(*values, bound), max(*values, bound)
    room = (high - low or abs(high) or 1.0) * 0.1
    low, high = low - room, high + room
    span_s = (times[-1] - times[0]).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return _LEFT + (at - times[0]).total_seconds() / span_s * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in zip(times, values, strict=True))
    edge, bottom, right = y(bound), _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    top, height = (_TOP, edge - _TOP) if kind == "above" else (edge, bottom - edge)
    red, blue, soft = "var(--bad,#b3261e)", "var(--mark,#3457d5)", "var(--soft,#666)"
    label = f'font-family="sans-serif" font-size="11" style="fill:{soft}"'
    stamps = [
        f'<text x="{at:.0f}" y="{_HEIGHT - 10}" text-anchor="{anchor}" {label}>{time:%m-%d %H:%M}</text>'
        for at, anchor, time in ((_LEFT, "start", times[0]), (right, "end", times[-1]))
    ]
    ticks = [
        f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end" {label}>{value:.4g}</text>'
        for value in sorted({bound, values[-1]})
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-label="{escape(name)}"><title>{escape(name)}</title>'
        f'<rect x="{_LEFT}" y="{top:.1f}" width="{right - _LEFT}" height="{max(height, 0.0):.1f}" '
        f'style="fill:{red};opacity:.08"/>'
        f'<line x1="{_LEFT}" y1="{edge:.1f}" x2="{right}" y2="{edge:.1f}" stroke-dasharray="5 4" style="stroke:{red}"/>'
        f'<polyline points="{path}" stroke-width="2" style="fill:none;stroke:{blue}"/>'
        f'<circle cx="{x(times[-1]):.1f}" cy="{y(values[-1]):.1f}" r="4" style="fill:{blue}"/>'
        f"{''.join(ticks)}{''.join(stamps)}</svg>"
    )
