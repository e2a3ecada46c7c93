"""The trade-off as a picture: what each value of the knob does to watch time, new uploads and discovered topics."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from homefeed.cli.simulate.comparison import Between, Compared
from models.report.charts import axis

_WIDTH, _HEIGHT, _SCALE = 1500, 640, 2
_INK, _SOFT, _GRID, _OWN, _BAND = "#1c1e21", "#5f6670", "#e3e6ea", "#1f6feb", "#cfe0fb"
_RIVALS = ("#15803d", "#c2410c", "#8a8f98")


@dataclass(frozen=True)
class Panel:
    """One figure against the knob.

    Attributes:
      title, unit: what is seen.
      of: takes the figure out of a policy.
      shown: a value as text on the axis.
    """

    title: str
    unit: str
    of: Callable[[Compared], Between]
    shown: Callable[[float], str]


PANELS = (
    Panel("Watch time", "minutes per viewer and day", lambda c: _scaled(c.watch_s, 1 / 60), lambda v: f"{v:.2g}"),
    Panel("New uploads seen", "share with 100 impressions in a day", lambda c: c.reached, lambda v: f"{v:.0%}"),
    Panel("Topics discovered", "per viewer and day", lambda c: c.discovered, lambda v: f"{v:.2g}"),
)


def png(compared: list[Compared], chosen: float, headline: str, note: str) -> bytes:
    """The chart; `chosen` is the value of the knob that the headline speaks of."""
    image = Image.new("RGB", (_WIDTH * _SCALE, _HEIGHT * _SCALE), "white")
    pen = _Pen(ImageDraw.Draw(image))
    pen.text(40, 28, headline, 27, _INK)
    pen.text(40, 74, "More exploration to the right. The band is the 95 % interval.", 19, _SOFT)
    left, width = 40.0, (_WIDTH - 80) / len(PANELS)
    for place, panel in enumerate(PANELS):
        _panel(pen, panel, compared, chosen, left + place * width, width)
    pen.text(40, _HEIGHT - 36, note, 16, _SOFT)
    file = BytesIO()
    image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
    return file.getvalue()


def _panel(pen: "_Pen", panel: Panel, compared: list[Compared], chosen: float, left: float, width: float) -> None:
    points = [(c.exploration, panel.of(c)) for c in compared if c.exploration is not None]
    rivals = [(c.policy, panel.of(c).estimate) for c in compared if c.exploration is None]
    known = [b for _, b in points if b.estimate is not None]
    ends = [v for b in known for v in (b.low, b.high)] + [v for _, v in rivals]
    steps = axis(0.0, 1.05 * max((v for v in ends if v is not None), default=1.0))
    x0, x1, y0, y1 = left + 62, left + width - 26, _HEIGHT - 110.0, 200.0
    last = len(points) - 1

    def x(place: int) -> float:
        # The values of the knob lie apart evenly: the small ones are those that are chosen between.
        return x0 + 18 + (x1 - x0 - 36) * place / max(last, 1)

    def y(value: float) -> float:
        return y0 + (y1 - y0) * value / steps[-1]

    pen.text(left + 8, 124, panel.title, 25, _INK)
    pen.text(left + 8, 158, panel.unit, 18, _SOFT)
    for value in steps:
        pen.line([(x0, y(value)), (x1, y(value))], _GRID, 1)
        pen.text(x0 - 8, y(value), panel.shown(value), 16, _SOFT, "rm")
    drawn = [(place, b) for place, (_, b) in enumerate(points) if b.estimate is not None]
    upper = [(x(place), y(b.high or 0)) for place, b in drawn]
    lower = [(x(place), y(b.low or 0)) for place, b in reversed(drawn)]
    if len(drawn) > 1:
        pen.area(upper + lower, _BAND)
        pen.line([(x(place), y(b.estimate or 0)) for place, b in drawn], _OWN, 4)
    # Names at the right stand away from each other, the third at the left: legible where lines are close.
    first, second = ((rivals + [("", None)] * 2)[place][1] or 0.0 for place in (0, 1))
    above, below = (x1, -3, "rb"), (x1, 3, "rt")
    places = (above, below) if first >= second else (below, above)
    for (name, height), colour, (at, away, anchor) in zip(rivals, _RIVALS, (*places, (x0, -3, "lb")), strict=False):
        if height is not None:
            pen.dashes(x0, x1, y(height), colour)
            pen.text(at, y(height) + away, name, 16, colour, anchor)
    for place, (knob, _) in enumerate(points):
        is_chosen = knob == chosen
        pen.text(x(place), y0 + 10, f"{knob:.0%}", 19 if is_chosen else 17, _INK if is_chosen else _SOFT, "mt")
    for place, b in drawn:
        is_chosen = points[place][0] == chosen
        pen.dot(x(place), y(b.estimate or 0), 9 if is_chosen else 5, _OWN)
        if is_chosen:
            pen.text(x(place), y(b.estimate or 0) - 16, panel.shown(b.estimate or 0), 20, _INK, "mb")
    pen.text((x0 + x1) / 2, y0 + 36, "share of slots that explore", 16, _SOFT, "mt")


class _Pen:
    """Draws in points of the finished picture."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def text(self, x: float, y: float, text: str, size: int, colour: str, anchor: str = "lt") -> None:
        font = ImageFont.load_default(size * _SCALE)
        self._draw.text((x * _SCALE, y * _SCALE), text, fill=colour, font=font, anchor=anchor)

    def line(self, points: list[tuple[float, float]], colour: str, width: int) -> None:
        self._draw.line(_far(points), fill=colour, width=width * _SCALE, joint="curve")

    def area(self, points: list[tuple[float, float]], colour: str) -> None:
        self._draw.polygon(_far(points), fill=colour)

    def dashes(self, x0: float, x1: float, y: float, colour: str) -> None:
        for place in range(int((x1 - x0) // 14)):
            self.line([(x0 + 14 * place, y), (x0 + 14 * place + 8, y)], colour, 2)

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        (low, high), (right, bottom) = _far([(x - radius, y - radius), (x + radius, y + radius)])
        self._draw.ellipse((low, high, right, bottom), fill=colour, outline="white", width=2 * _SCALE)


def _far(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]


def _scaled(value: Between, factor: float) -> Between:
    parts = (part if part is None else part * factor for part in (value.estimate, value.low, value.high))
    return Between(*parts)
