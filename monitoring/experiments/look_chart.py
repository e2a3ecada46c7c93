"""A difference as it was read at each look: a line with its interval around none."""

from collections.abc import Sequence

from homefeed import windows
from models.report.charts import Line, axis, line_chart

#: The chart reaches so many widths of the newest interval to either side, unless the line goes further.
_WIDEST = 2.0


def look_chart(
    looks: Sequence[str],
    middle: Sequence[float | None],
    low: Sequence[float | None],
    high: Sequence[float | None],
    name: str,
    none: float = 0.0,
) -> str:
    """The chart in percent over the hours since the first look; empty when nothing was read yet.

    Args:
      looks: [k] windows.
      middle, low, high: [k] difference and interval, as shares; None where it is not read.
      name: of the line.
      none: what no difference is.
    """
    read = [
        (_hours(looks[0], look), 100 * value, 100 * below, 100 * above)
        for look, value, below, above in zip(looks, middle, low, high, strict=True)
        if value is not None and below is not None and above is not None
    ]
    if not read:
        return ""
    hours = [hour for hour, *_ in read]
    # The first intervals are so wide that they would flatten all that follows: they go on beyond the edge.
    edge = max(_WIDEST * (read[-1][3] - read[-1][2]), *(abs(value - 100 * none) for _, value, _, _ in read))
    least, most = 100 * none - edge, 100 * none + edge
    line = Line(
        name,
        [(hour, value) for hour, value, _, _ in read],
        band=[(hour, max(below, least), min(above, most)) for hour, _, below, above in read],
        is_dotted=len(read) < 30,
    )
    ticks = axis(0.0, hours[-1])
    level = Line("no difference", [(ticks[0], 100 * none), (ticks[-1], 100 * none)], "level", is_dotted=False)
    return line_chart([level, line], x_name="hours since the start", ticks=ticks, from_zero=False)


def _hours(first: str, look: str) -> float:
    """Hours from the beginning of `first` to the end of `look`."""
    return (windows.end(look) - windows.start(first)).total_seconds() / 3600
