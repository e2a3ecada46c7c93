"""Charts of a report as inline SVG, coloured by the page's style so that they follow light and dark."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 500.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 22.0, 12.0, 42.0


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
      name: in the legend; empty for none.
      points: x and y, by x.
      style: class of the page's style: `own` or `rival`.
      band: x, low and high of an interval around it.
      marked: x of the point to point out; None for none.
      is_dotted: whether every point has its dot, or only the one to point out.
    """

    name: str
    points: list[tuple[float, float]]
    style: str = "own"
    band: list[tuple[float, float, float]] | None = None
    marked: float | None = None
    is_dotted: bool = True


def line_chart(
    lines: list[Line], *, x_name: str, ticks: list[float], is_log: bool = False, from_zero: bool = True
) -> str:
    """Lines over a common x.

    Args:
      lines: at least one with a point.
      x_name: what x is.
      ticks: values of x that are named.
      is_log: whether x is logarithmic.
      from_zero: whether the axis of y begins at zero.
    """
    ys = [y for line in lines for _, y in line.points]
    ys += [bound for line in lines for _, *bounds in line.band or [] for bound in bounds]
    steps = axis(0.0 if from_zero else min(ys), max(ys))
    scale = math.log if is_log else float
    x = _scale(scale(min(ticks)), scale(max(ticks)), _LEFT, _WIDTH - _RIGHT)
    y = _scale(steps[0], steps[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = [_grid(steps, y)]
    parts += [_x_label(x(scale(tick)), f"{tick:,g}") for tick in ticks]
    for line in lines:
        at = [(x(scale(a)), y(b)) for a, b in line.points]
        if line.band:
            edge = [(x(scale(a)), y(high)) for a, _, high in line.band]
            edge += [(x(scale(a)), y(low)) for a, low, _ in reversed(line.band)]
            parts.append(f'<polygon class="band {line.style}" points="{_path(edge)}"/>')
        parts.append(f'<polyline class="line {line.style}" points="{_path(at)}"/>')
        for (a, b), (cx, cy) in zip(line.points, at, strict=True):
            if not line.is_dotted and a != line.marked:
                continue
            radius = 6 if a == line.marked else 3
            parts.append(
                f'<circle class="dot {line.style}" cx="{cx:.1f}" cy="{cy:.1f}" r="{radius}">'
                f"<title>{escape(line.name)}, {escape(x_name)} {a:,g}: {b:.4g}</title></circle>"
            )
    return _legend(lines) + _svg(parts, x_name)


def histogram(counts: list[int], low: float, high: float, x_name: str) -> str:
    """Bars of equal width from `low` to `high`, `low` being smaller."""
    steps = axis(0.0, float(max(counts)))
    x = _scale(low, high, _LEFT, _WIDTH - _RIGHT)
    y = _scale(0.0, steps[-1], _HEIGHT - _BOTTOM, _TOP)
    parts, width = [_grid(steps, y)], (high - low) / len(counts)
    for number, count in enumerate(counts):
        begin, end = low + number * width, low + (number + 1) * width
        parts.append(
            f'<rect class="own" x="{x(begin) + 0.5:.1f}" y="{y(count):.1f}" width="{x(end) - x(begin) - 1:.1f}" '
            f'height="{y(0) - y(count):.1f}"><title>{begin:.3g} to {end:.3g}: {count:,}</title></rect>'
        )
    parts += [_x_label(x(tick), f"{tick:g}") for tick in axis(low, high) if low <= tick <= high]
    return _svg(parts, x_name)


def axis(low: float, high: float) -> list[float]:
    """Up to seven round numbers at equal steps of 1, 2 or 5 times a power of ten, from at most `low` to at least
    `high`."""
    span = high - low or abs(high) or 1.0
    size = 10.0 ** math.floor(math.log10(span / 5))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= span / 5 * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, max(last, first + 1) + 1)]


def _scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    """[low, high] -> [first, last]; one single value lies in the middle."""
    if high == low:
        return lambda _: (first + last) / 2
    return lambda value: first + (value - low) / (high - low) * (last - first)


def _grid(steps: list[float], y: Callable[[float], float]) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" y1="{y(step):.1f}" x2="{_WIDTH - _RIGHT}" y2="{y(step):.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y(step) + 4:.1f}" text-anchor="end">{step:,g}</text>'
        for step in steps
    )


def _x_label(x: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{text}</text>'


def _path(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _legend(lines: list[Line]) -> str:
    entries = "".join(f'<span class="key {line.style}">{escape(line.name)}</span>' for line in lines if line.name)
    return f'<div class="legend">{entries}</div>'


def _svg(parts: list[str], x_name: str) -> str:
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    name = f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">{escape(x_name)}</text>'
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{escape(x_name)}">'
        f"{''.join(parts)}{name}</svg>"
    )
