"""A difference as it was read at each look: a line with its interval around none."""

from collections.abc import Sequence

from homefeed import windows
from models.report.charts import Line, axis, line_chart


def look_chart(
    looks: Sequence[str],
    middle: Sequence[float | None],
    low: Sequence[float | None],
    high: Sequence[float | None],
    name: str,
) -> str:
    """The chart in percent over the hours since the first look; empty when nothing was read yet.

    Args:
      looks: [k] windows.
      middle, low, high: [k] difference and interval, as shares; None where it is not read.
      name: of the line.
    """
    read = [
        (_hours(looks[0], look), 100 * value, 100 * below, 100 * above)
        for look, value, below, above in zip(looks, middle, low, high, strict=True)
        if value is not None and below is not None and above is not None
    ]
    if not read:
        return ""
    hours = [hour for hour, *_ in read]
    line = Line(
        name,
        [(hour, value) for hour, value, _, _ in read],
        band=[(hour, below, above) for hour, _, below, above in read],
        is_dotted=len(read) < 30,
    )
    zero = Line("no difference", [(hours[0], 0.0), (hours[-1], 0.0)], "rival", is_dotted=False)
    # A band that begins wide would flatten all that follows; it goes on beyond the edge of the chart.
    ticks = [tick for tick in axis(hours[0], hours[-1]) if hours[0] <= tick <= hours[-1]]
    return line_chart([line, zero], x_name="hours since the start", ticks=ticks or hours[:1], from_zero=False)


def _hours(first: str, look: str) -> float:
    """Hours from the beginning of `first` to the end of `look`."""
    return (windows.end(look) - windows.start(first)).total_seconds() / 3600
