"""The reading of an experiment: each arm against the control, window by window, with intervals for any time."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from homefeed import windows
from homefeed.experiments import arm_codes
from homefeed.lake import open_lake
from homefeed.registry import Experiment
from homefeed.settings import Settings
from monitoring.assignment import balance_p, sample_ratio_p
from monitoring.comparison import Estimate, Moments, difference, moments_of
from monitoring.online.pre_period import watched_before
from monitoring.online.ratios import numbers
from monitoring.sequential import Floats, always_valid

#: Metric -> column of the exposures that is summed per viewer, and its name for people. Watch time comes first.
METRICS = {
    "watch_time": ("watch_s", "seconds watched per viewer"),
    "long_views": ("watched", "long views per viewer"),
    "dismissals": ("dismissed", "dismissals per viewer"),
}
_WINDOW_US = windows.WINDOW_S * 1_000_000


@dataclass(frozen=True)
class Effect:
    """One metric of one arm against the control, relative to the control.

    Attributes:
      arm, metric: what is compared.
      windows: the looks.
      relative, low, high: one for each look; None where it is not read.
      control, treated: the metric itself at the newest look.
      num_viewers: in the smaller arm at the newest look.
      explained: share of the variance that the time before the experiment explained.
      verdict: `better`, `worse` or `undecided`; for dismissals fewer are better.
    """

    arm: str
    metric: str
    windows: list[str]
    relative: list[float | None]
    low: list[float | None]
    high: list[float | None]
    control: float | None
    treated: float | None
    num_viewers: int
    explained: float
    verdict: str


@dataclass(frozen=True)
class Reading:
    """An experiment as its data stand.

    Attributes:
      name, layer, knob: of the experiment.
      arms: name, share, value and viewers of each, the control first.
      first, last: windows that were read; both empty when none was.
      sample_ratio_p, balance_p: arm -> chance of so uneven a split, or of so different a past, were it assigned right.
      is_void: whether the assignment is broken, so that no effect may be believed.
      effects: every arm against the control.
    """

    name: str
    layer: str
    knob: str
    arms: list[dict[str, Any]]
    first: str
    last: str
    sample_ratio_p: dict[str, float]
    balance_p: dict[str, float]
    is_void: bool
    effects: list[Effect]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def read_experiment(settings: Settings, experiment: Experiment, now: datetime) -> Reading:
    """Read an experiment over the windows from its start until it was stopped, or `now`.

    Viewers are those of the arm's buckets whose pages were on screen, whatever answered them. The chance that any
    effect of any arm is ever read where there is none is `experiments.false_alarm`: it is shared by arms and metrics.
    """
    knobs, arms = settings.experiments, experiment.arm_list
    first = windows.window_of(experiment.started)
    until = windows.window_of(experiment.stopped or now)
    columns = ["time", "user", *(column for column, _ in METRICS.values())]
    rows = open_lake(settings.lake_path).read("exposures", (first, until), columns=columns)
    rows = rows.filter(pc.greater_equal(rows["time"], pa.scalar(experiment.started, rows.schema.field("time").type)))
    if experiment.stopped is not None:
        rows = rows.filter(pc.less(rows["time"], pa.scalar(experiment.stopped, rows.schema.field("time").type)))
    codes = arm_codes(experiment.layer, arms, rows["user"].to_numpy())
    kept = np.flatnonzero(codes >= 0)
    rows, codes = rows.take(kept), codes[kept]
    users = rows["user"].to_numpy()
    begin = round(windows.start(first).timestamp() * 1e6)
    look = (rows["time"].cast(pa.int64()).to_numpy() - begin) // _WINDOW_US
    num_looks = int(look.max()) + 1 if len(look) else 0
    names = windows.span(first, windows.shift(first, num_looks - 1)) if num_looks else []
    before = watched_before(settings, first, users) if num_looks else None
    watched = np.zeros(len(users)) if before is None else before
    moments = {
        metric: [
            moments_of(users[mine], look[mine], num_looks, numbers(rows[column])[mine], None, watched[mine])
            for mine in (codes == number for number in range(len(arms)))
        ]
        for metric, (column, _) in METRICS.items()
    }
    num_viewers = [int(side.n[-1]) if num_looks else 0 for side in moments["watch_time"]]
    ratio, balance = {}, {}
    for number, arm in enumerate(arms[1:], 1):
        expected = arm.share / (arm.share + arms[0].share)
        ratio[arm.name] = sample_ratio_p(num_viewers[number], num_viewers[number] + num_viewers[0], expected)
        if num_looks and before is not None and min(num_viewers[number], num_viewers[0]) >= knobs.min_viewers:
            sides = [_past(moments["watch_time"][n]) for n in (number, 0)]
            balance[arm.name] = balance_p(difference(*sides))
    alpha = knobs.false_alarm / ((len(arms) - 1) * len(METRICS))
    effects = [
        _effect(settings, arm.name, metric, difference(sides[number], sides[0]), names, alpha)
        for number, arm in enumerate(arms[1:], 1)
        for metric, sides in moments.items()
        if num_looks
    ]
    return Reading(
        name=experiment.name,
        layer=experiment.layer,
        knob=experiment.knob,
        arms=[arm.to_dict() | {"viewers": num} for arm, num in zip(arms, num_viewers, strict=True)],
        first=names[0] if names else "",
        last=names[-1] if names else "",
        sample_ratio_p=ratio,
        balance_p=balance,
        is_void=any(p < settings.rollout.min_sample_ratio_p for p in (*ratio.values(), *balance.values())),
        effects=effects,
    )


def _past(side: Moments) -> Moments:
    """The covariate of an arm's viewers, at the newest look, as if it were what is measured."""
    n, x, xx = (getattr(side, name)[-1:] for name in ("n", "x", "xx"))
    return Moments(n=n, y=x, d=n, yy=xx, yd=x, dd=n, x=n * 0, xx=n * 0, xy=n * 0, xd=n * 0)


def _effect(settings: Settings, arm: str, metric: str, found: Estimate, names: list[str], alpha: float) -> Effect:
    knobs = settings.experiments
    shown = np.unique(np.linspace(0, len(names) - 1, min(len(names), knobs.max_looks)).round().astype(int))
    control = found.control[shown]
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.array(
            [
                always_valid(variance, alpha, knobs.expected_effect * abs(base))
                for variance, base in zip(found.variance[shown], control, strict=True)
            ]
        )
        middle, width = found.difference[shown] / control, half / np.abs(control)
    is_read = (found.num_viewers[shown] >= knobs.min_viewers) & np.isfinite(middle) & np.isfinite(width)
    low, high = (np.where(is_read, middle + sign * width, np.nan) for sign in (-1, 1))
    middle = np.where(is_read, middle, np.nan)
    return Effect(
        arm=arm,
        metric=metric,
        windows=[names[i] for i in shown],
        relative=_plain(middle),
        low=_plain(low),
        high=_plain(high),
        control=_plain(found.control[-1:])[0],
        treated=_plain(found.candidate[-1:])[0],
        num_viewers=int(np.nan_to_num(found.num_viewers[-1])),
        explained=float(np.nan_to_num(1 - found.kept[-1])),
        verdict=_verdict(metric, low[-1], high[-1]),
    )


def _verdict(metric: str, low: float, high: float) -> str:
    if metric == "dismissals":
        low, high = -high, -low
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def _plain(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
