"""Values under each other as inline SVG: for each a name, a dot and its interval, coloured by the page's style."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from models.report.charts import axis

_WIDTH, _ROW, _LEFT, _RIGHT, _BOTTOM = 500.0, 26.0, 208.0, 62.0, 40.0


@dataclass(frozen=True)
class Valued:
    """One row of the chart.

    Attributes:
      name: on the left.
      value: the dot.
      low, high: the interval; None for none.
      style: class of the page's style: `own`, `rival` or `past`.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    style: str = "own"


def interval_chart(rows: Sequence[Valued], x_name: str) -> str:
    """One row under the other, on one axis that need not begin at zero.

    Args:
      rows: at least one.
      x_name: what the values are.
    """
    ends = [end for row in rows for end in (row.value, row.low, row.high) if end is not None]
    steps = axis(min(ends), max(ends))
    span = steps[-1] - steps[0]
    height = len(rows) * _ROW + _BOTTOM

    def x(value: float) -> float:
        return _LEFT + (value - steps[0]) / span * (_WIDTH - _LEFT - _RIGHT)

    parts = [
        f'<line class="grid" x1="{x(step):.1f}" y1="0" x2="{x(step):.1f}" y2="{height - _BOTTOM:.1f}"/>'
        f'<text x="{x(step):.1f}" y="{height - _BOTTOM + 16:.1f}" text-anchor="middle">{step:,g}</text>'
        for step in (steps if len(steps) < 6 else steps[::2])
    ]
    for number, row in enumerate(rows):
        y = (number + 0.5) * _ROW
        told = "" if row.low is None or row.high is None else f" ({row.low:.4g} to {row.high:.4g})"
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(row.name)}</text>')
        if row.low is not None and row.high is not None:
            ends_at = f'x1="{x(row.low):.1f}" y1="{y:.1f}" x2="{x(row.high):.1f}" y2="{y:.1f}"'
            parts.append(f'<line class="line reach {row.style}" {ends_at}/>')
        parts.append(
            f'<circle class="dot {row.style}" cx="{x(row.value):.1f}" cy="{y:.1f}" r="4">'
            f"<title>{escape(row.name)}: {row.value:.4g}{told}</title></circle>"
            f'<text x="{_WIDTH - _RIGHT + 10}" y="{y + 4:.1f}">{row.value:#.3g}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{height - 4:.1f}" text-anchor="middle">{escape(x_name)}</text>')
    return f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(x_name)}">{"".join(parts)}</svg>'
