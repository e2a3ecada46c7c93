"""The knobs that can be turned while the service runs, and the arms of viewers that a value can be tried on.

A turn is a row of the registry (`registry.tables.KnobTurn`) and is never changed: the newest one of a knob, of a knob
for a release and of a knob for an arm is what holds, all others are the history with who, when and why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homefeed.errors import HomefeedError


class KnobError(HomefeedError):
    """A knob cannot be turned as asked; the message says why and what can be."""


@dataclass(frozen=True)
class Turnable:
    """One knob: the settings' group and name that give its own value, and what it may be."""

    group: str
    name: str
    lowest: float
    highest: float
    meaning: str


KNOBS: Mapping[str, Turnable] = {
    "exploration": Turnable(
        "serving", "exploration", 0.0, 1.0, "share of the slots given to fresh, uncertain and new-topic videos"
    )
}
#: Shares are compared with this tolerance: three arms of a third and one of all are full.
_ROUNDING = 1e-9


def turnable(name: str) -> Turnable:
    """The knob of that name. Raises KnobError when there is none."""
    if name not in KNOBS:
        raise KnobError(f"there is no knob {name!r} that turns while the service runs; there is: {', '.join(KNOBS)}")
    return KNOBS[name]


def checked(name: str, value: float) -> float:
    """The value, when the knob may have it. Raises KnobError when not."""
    knob = turnable(name)
    if not knob.lowest <= value <= knob.highest:
        raise KnobError(f"{name} is between {knob.lowest:g} and {knob.highest:g}, not {value:g}: {knob.meaning}")
    return value


def place(arms: Mapping[str, tuple[float, float]], arm: str, share: float) -> float:
    """Where among the viewers, from 0 to 1, an arm begins: where it is when it still fits, else in the first gap.

    So no other arm's viewers change when one is added, resized or taken away.

    Args:
      arms: name -> (start, share) of every arm.
      arm: name of the one to place.
      share: of the viewers that it gets, above 0.

    Raises:
      KnobError: the share is none, or does not fit beside the others.
    """
    if not 0 < share <= 1:
        raise KnobError(f"an arm has a share of the viewers above 0 and up to 1, not {share:g}")
    others = sorted(held for name, held in arms.items() if name != arm)
    gaps = _gaps(others)
    starts = [low for low, high in gaps if share <= high - low + _ROUNDING]
    if arm in arms:
        own = arms[arm][0]
        if any(low <= own and own + share <= high + _ROUNDING for low, high in gaps):
            return own
    if not starts:
        free = max(high - low for low, high in gaps)
        raise KnobError(
            f"arm {arm!r} cannot have {share:g} of the viewers: beside {', '.join(sorted(set(arms) - {arm}))} at most "
            f"{free:g} is free in one piece; `homefeed knob unset NAME --arm ARM` ends an arm"
        )
    return starts[0]


def _gaps(taken: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Free stretches of [0, 1], as (start, end)."""
    gaps, free = [], 0.0
    for start, share in taken:
        gaps.append((free, start))
        free = start + share
    return [*gaps, (free, 1.0)]
